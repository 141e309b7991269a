"""Migrations: forward, backward, exactly once, and a history that is watched (hazards 3 and 32)."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel.core import migrate
from ragkernel.core.migrate import Migration, load, statements
from ragkernel.errors import (
    ConfigurationError,
    LayoutMismatch,
    MigrationFailed,
    MigrationHistoryChanged,
    SchemaTooNew,
)

from .migrations import CARRIED, LATEST, everything, facts, failing, insert_everything, open_unmigrated, schema_sql
from .support import make_database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app_meta.db"


def test_migrating_an_empty_file_equals_schema_sql(path: Path) -> None:
    """What the migrations build is what schema.sql says, table by table and index by index, in single mode."""
    with open_unmigrated(path) as service:
        steps = service.run_migrations()
    assert [(step.version, step.direction) for step in steps] == [(entry.version, "up") for entry in CARRIED]
    assert facts(path) == schema_sql("common", "app_meta", "events")


@pytest.mark.parametrize("part", ["app_meta", "events"])
def test_each_file_of_a_split_pair_equals_its_parts(tmp_path: Path, part: str) -> None:
    """One set of migrations alone builds the common tables and its own part."""
    with make_database(tmp_path / "x.db", databases=(part,), layout="split") as database:
        with database.write() as conn:
            conn.execute("DROP TABLE notes")
        database.migrate()
    assert facts(tmp_path / "x.db") == schema_sql("common", part)


@pytest.mark.parametrize("target", [0, 1, 2, 3])
def test_down_and_up_again_equals_schema_sql(path: Path, target: int) -> None:
    """From any earlier version the way up leads to schema.sql again."""
    with open_unmigrated(path) as service:
        service.run_migrations()
        down = service.run_migrations(target)
        assert [(step.version, step.direction) for step in down] == [(n, "down") for n in range(LATEST, target, -1)]
        assert [step.version for step in service.pending_migrations()] == list(range(target + 1, LATEST + 1))
        service.run_migrations()
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_the_first_versions_have_the_specifications_indexes(path: Path) -> None:
    """At version 2 every index that the specification names is there."""
    with open_unmigrated(path) as service:
        service.run_migrations(2)
    names = {name for name, (kind, _) in facts(path).items() if kind == "index"}
    assert names == set(
        "idx_documents_kb_id idx_documents_hash idx_chunks_document_id idx_chunks_kb_id idx_chunks_hash"
        " idx_pipeline_runs_pipeline_id idx_pipeline_runs_status idx_pipeline_runs_started_at idx_schedules_next_run"
        " idx_kb_status idx_kb_name_version idx_events_aggregate idx_events_type idx_events_timestamp"
        " idx_events_trace_id idx_events_sequence".split()
    )


def test_index_migrations_keep_every_row(path: Path) -> None:
    """Down to 2 and up again with a row in every table: the same rows, the same schema."""
    with ragkernel.open(path) as service:
        insert_everything(service)
    before = everything(path)
    with open_unmigrated(path) as service:
        service.run_migrations(2)
        assert {table: len(rows) for table, rows in everything(path).items()} == {
            table: len(rows) for table, rows in before.items()
        }
        service.run_migrations()
    assert everything(path) == before
    assert {table for table, rows in before.items() if not rows} == {"event_checkpoints"}
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_down_to_nothing_works_with_data_inside(path: Path) -> None:
    """Dropping all tables works whatever refers to what; the common tables and foreign keys stay on."""
    with ragkernel.open(path) as service:
        insert_everything(service)
        service.run_migrations(0)
        assert set(facts(path)) == {"kernel_state", "schema_migrations", "event_checkpoints"}
        service.run_migrations()
        with service.write() as conn, pytest.raises(ragkernel.errors.ForeignKeyViolation):
            conn.execute("INSERT INTO documents (id, kb_id, title, source_path, content_hash) VALUES (1, 2, 3, 4, 5)")


def test_a_dry_run_tells_the_steps_and_changes_nothing(path: Path) -> None:
    """The steps are really run, inside a transaction that is rolled back."""
    with open_unmigrated(path) as service:
        steps = service.run_migrations(dry_run=True)
        assert [step.version for step in steps] == [entry.version for entry in CARRIED]
        assert facts(path) == {}
        service.run_migrations()
        assert [step.version for step in service.run_migrations(1, dry_run=True)] == list(range(LATEST, 1, -1))
        assert service.run_migrations(dry_run=True) == []
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_a_second_run_has_nothing_to_do(path: Path) -> None:
    """Opening a migrated file runs no step and takes no write lock."""
    ragkernel.open(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ragkernel.open(path, ragkernel.SqlConfig.test(path.parent)) as service:
        assert service.pending_migrations() == []
    other.execute("ROLLBACK")
    other.close()


def test_a_failing_migration_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its second statement fails the first is undone too, foreign keys are on again, and the error names the
    migration (hazard 3)."""
    ragkernel.open(path).close()
    failing(monkeypatch, "CREATE TABLE extra (x);\nINSERT INTO nowhere VALUES (1);\n")
    with open_unmigrated(path) as service:
        with pytest.raises(MigrationFailed, match="no such table: nowhere") as caught:
            service.run_migrations()
        assert f"migration {LATEST + 1} (extra) up" in str(caught.value)
        with service.write() as conn:
            assert conn.execute("PRAGMA foreign_keys")[0] == (1,)
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_a_migration_that_orphans_rows_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that would lose their parent while foreign keys are off are found before the commit."""
    with ragkernel.open(path) as service:
        insert_everything(service)
    before = everything(path)
    failing(monkeypatch, "DELETE FROM knowledge_bases;")
    with open_unmigrated(path) as service, pytest.raises(MigrationFailed, match="documents → knowledge_bases"):
        service.run_migrations()
    assert everything(path) == before


@pytest.mark.parametrize("sql", ["COMMIT;", "PRAGMA writable_schema = 1;", "ATTACH ':memory:' AS x;"])
def test_a_migration_cannot_leave_its_transaction(path: Path, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    """Transaction control, ATTACH and settings are refused in a migration as in any SQL."""
    ragkernel.open(path).close()
    failing(monkeypatch, f"CREATE TABLE extra (x);\n{sql}\n")
    with open_unmigrated(path) as service, pytest.raises(MigrationFailed, match="not authorized"):
        service.run_migrations()
    assert "extra" not in facts(path)


def change_ledger(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(sql)
    connection.close()


@pytest.mark.parametrize(
    ("sql", "error", "message"),
    [
        ("UPDATE schema_migrations SET sha256 = 'x' WHERE version = 2", MigrationHistoryChanged, "was changed"),
        ("UPDATE schema_migrations SET name = 'x' WHERE version = 3", MigrationHistoryChanged, "no such migration"),
        ("DELETE FROM schema_migrations WHERE version = 2", MigrationHistoryChanged, "missing below"),
        (
            "INSERT INTO schema_migrations (version, name, database, sha256) VALUES (99, 'later', 'app_meta', 'x')",
            SchemaTooNew,
            f"version 99, this code knows {LATEST}",
        ),
        ("UPDATE kernel_state SET value = 'split' WHERE key = 'layout'", LayoutMismatch, "belongs to a split store"),
    ],
    ids=["changed", "renamed", "missing", "newer", "layout"],
)
def test_a_history_that_does_not_fit_is_refused(path: Path, sql: str, error: type[Exception], message: str) -> None:
    """A changed, missing or newer history, or another layout, stops the opening and changes nothing."""
    ragkernel.open(path).close()
    change_ledger(path, sql)
    before = facts(path), everything(path)
    with pytest.raises(error, match=message):
        ragkernel.open(path)
    assert (facts(path), everything(path)) == before


def test_an_unknown_target_is_refused(path: Path) -> None:
    """A version that does not exist is a ConfigurationError that says which ones do."""
    with open_unmigrated(path) as service, pytest.raises(ConfigurationError, match=f"0 to {LATEST}"):
        service.run_migrations(LATEST + 17)


def test_tables_that_are_not_ours_are_left_alone(path: Path) -> None:
    """A table of the application in the same file survives every migration with its rows."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.execute("INSERT INTO mine VALUES (1)")
    connection.commit()
    connection.close()
    with ragkernel.open(path) as service:
        service.run_migrations(0)
        service.run_migrations()
        with service.read() as conn:
            assert conn.execute("SELECT x FROM mine").fetchall() == [(1,)]


def test_the_ledger_says_what_was_applied(path: Path) -> None:
    """Each row has the number, the name, the database, the digest of both texts and the first comment line."""
    with ragkernel.open(path) as service, service.read() as conn:
        rows = ragkernel.queries.schema_migrations.list_all(conn)
    carried = load(("app_meta", "events"))
    assert [(row.version, row.name, row.database, row.sha256, row.description) for row in rows] == [
        (entry.version, entry.name, entry.database, entry.sha256, entry.description) for entry in carried
    ]
    assert all(row.description for row in rows)


def test_line_ends_do_not_change_the_digest() -> None:
    """A checkout with CRLF has the same history."""
    unix = Migration(1, "a", "app_meta", "SELECT 1;\nSELECT 2;\n", "SELECT 3;\n")
    windows = unix._replace(up=unix.up.replace("\n", "\r\n"), down=unix.down.replace("\n", "\r\n"))
    assert windows.sha256 == unix.sha256
    assert unix._replace(down="SELECT 4;\n").sha256 != unix.sha256


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        ("-- nothing\n", []),
        ("SELECT 1; SELECT 2;", ["SELECT 1;", "SELECT 2;"]),
        ("SELECT ';'; -- a; b\nSELECT 2;", ["SELECT ';';", "-- a; b\nSELECT 2;"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; SELECT 2; END; SELECT 3;",
            ["CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; SELECT 2; END;", "SELECT 3;"],
        ),
    ],
)
def test_scripts_are_cut_where_a_statement_is_complete(script: str, expected: list[str]) -> None:
    """Semicolons in strings, comments and trigger bodies cut nothing."""
    assert list(statements(script)) == expected


def test_an_unfinished_statement_is_refused() -> None:
    """A script that ends inside a statement is an error, not a statement that is silently left out."""
    with pytest.raises(MigrationFailed, match="has no end"):
        list(statements("SELECT 1; SELECT 2"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"0001_a.up.sql": "SELECT 1;"}, "not a pair"),
        ({"first.up.sql": "SELECT 1;", "first.down.sql": ""}, "not a pair"),
        ({"0001_a.up.sql": "", "0001_a.down.sql": "", "001_b.up.sql": "", "001_b.down.sql": ""}, "two migrations"),
    ],
)
def test_misnamed_files_are_refused(monkeypatch: pytest.MonkeyPatch, files: dict[str, str], message: str) -> None:
    """A migration without a number, a name or a way down, or with a number used twice, is refused."""
    listing: Callable[[str], list[tuple[str, str]]] = lambda database: list(files.items())  # noqa: E731
    monkeypatch.setattr(migrate, "_files", listing)
    with pytest.raises(MigrationFailed, match=message):
        load(("app_meta",))
