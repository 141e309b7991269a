"""Nothing that the specification names is lost: its schema, as it stands, against schema.sql and the migrations."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import ragkernel

ROOT = Path(__file__).parent.parent.parent
SPECIFICATION = (ROOT / "tests" / "data" / "specification.sql").read_text(encoding="utf-8")
COVERED = {
    "idx_kb_name_version": ("knowledge_bases", ["name", "version"]),
    "idx_chunks_document_id": ("document_chunks", ["document_id"]),
    "idx_events_aggregate": ("events", ["aggregate_id", "aggregate_type", "sequence_number"]),
}


def load(script: str) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript(script)
    return connection


@pytest.fixture
def specified() -> Any:
    connection = load(SPECIFICATION)
    yield connection
    connection.close()


@pytest.fixture
def present() -> Any:
    connection = load((ROOT / "schema.sql").read_text(encoding="utf-8"))
    yield connection
    connection.close()


def tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [name for (name,) in rows]


def columns(connection: sqlite3.Connection, table: str) -> dict[str, tuple[str, bool, str | None]]:
    """name → (declared type, NOT NULL, default)."""
    rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {name: (kind, bool(required), default) for _, name, kind, required, default, _ in rows}


def indexes(connection: sqlite3.Connection) -> dict[str, tuple[str, bool, list[str]]]:
    """name → (table, unique, columns) of every index, those of constraints included."""
    found = {}
    for table in tables(connection):
        for _, name, unique, *_ in connection.execute(f"PRAGMA index_list({table})").fetchall():
            parts = [row[2] for row in connection.execute(f"PRAGMA index_info({name})").fetchall()]
            found[name] = (table, bool(unique), parts)
    return found


def checks(connection: sqlite3.Connection) -> set[str]:
    """Every CHECK, white space folded."""
    texts = [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'") if sql]
    return {" ".join(found.split()) for sql in texts for found in re.findall(r"CHECK \((.*? IN \(.*?\))\)", sql)}


def test_every_table_and_column_is_there(specified: sqlite3.Connection, present: sqlite3.Connection) -> None:
    """Each table and column of the specification stands in schema.sql under its name."""
    for table in tables(specified):
        assert set(columns(specified, table)) <= set(columns(present, table)), table


def test_types_and_defaults_are_kept(specified: sqlite3.Connection, present: sqlite3.Connection) -> None:
    """Types and defaults are the specification's; JSON is declared JSON TEXT, and nothing required became optional."""
    for table in tables(specified):
        now = columns(present, table)
        for name, (kind, required, default) in columns(specified, table).items():
            expected = "JSON TEXT" if kind == "JSON" else kind
            assert now[name][0] == expected, (table, name)
            assert now[name][2] == default, (table, name)
            assert now[name][1] >= required, (table, name)
            if default is not None:
                assert now[name][1], (table, name)


def test_every_primary_key_is_not_null(present: sqlite3.Connection) -> None:
    """No primary key takes NULL."""
    for table in tables(present):
        for _, name, _, required, _, key in present.execute(f"PRAGMA table_info({table})").fetchall():
            assert required or not key, (table, name)


def test_checks_and_foreign_keys_are_kept(specified: sqlite3.Connection, present: sqlite3.Connection) -> None:
    """Each CHECK and each foreign key with its actions stands in schema.sql."""
    assert checks(specified) <= checks(present)
    assert len(checks(specified)) == 3
    for table in tables(specified):
        before = {row[2:] for row in specified.execute(f"PRAGMA foreign_key_list({table})").fetchall()}
        after = {row[2:] for row in present.execute(f"PRAGMA foreign_key_list({table})").fetchall()}
        assert before == after, table


def test_every_index_is_there_or_covered(specified: sqlite3.Connection, present: sqlite3.Connection) -> None:
    """Each index that the specification names is in schema.sql, or another one begins with its columns and schema.sql
    names the dropped one beside it."""
    now = indexes(present)
    text = (ROOT / "schema.sql").read_text(encoding="utf-8")
    for name, (table, unique, parts) in indexes(specified).items():
        if name.startswith("sqlite_autoindex"):
            assert any(t == table and u and p[: len(parts)] == parts for t, u, p in now.values()), (table, parts)
        elif name in COVERED:
            assert COVERED[name] == (table, parts)
            assert any(t == table and u >= unique and p[: len(parts)] == parts for t, u, p in now.values()), name
            assert name in text
        else:
            assert now[name] == (table, unique, parts)


def test_version_two_has_all_indexes_by_name(specified: sqlite3.Connection, tmp_path: Path) -> None:
    """Before migrations 3 and 4 the database has every index of the specification, with its columns."""
    with ragkernel.SqlService(ragkernel.SqlConfig.test(tmp_path)) as service:
        service.run_migrations(2)
        path = service.config.app_db_path
    connection = sqlite3.connect(path)
    built = indexes(connection)
    connection.close()
    named = {name: facts for name, facts in indexes(specified).items() if not name.startswith("sqlite_")}
    assert {name: built.get(name) for name in named} == named
