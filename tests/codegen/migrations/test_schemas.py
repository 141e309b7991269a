"""Every schema of the tests as a project with migrations: its first migration, and one that rebuilds each table."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from codegen.migrations import building, model
from codegen.migrations.text import closing, tokens_of
from codegen.reading import sources
from codegen.sqltext import quote

from .project import Project, run

if TYPE_CHECKING:
    from codegen.migrations.building import Application
    from codegen.migrations.model import Schema

FOLDER = Path(__file__).parent.parent / "schemas"
SCHEMAS = sorted(FOLDER.iterdir()) if FOLDER.is_dir() else []


def text(schema: Schema, *, checked: bool) -> str:
    """The schema as one script; checked: with a CHECK in each table, which no ALTER TABLE can add."""
    pieces = []
    for table in schema.tables.values():
        sql = table.sql
        if checked and not table.module:
            tokens = tokens_of(sql)
            end = tokens[closing(tokens, next(place for place, token in enumerate(tokens) if token.text == "("))]
            sql = f"{sql[: end.start]}\n, CHECK (1 = 1)\n{sql[end.start :]}"
        pieces.append(sql)
    return "".join(f"{sql}\n;\n" for sql in (*pieces, *(item.sql for item in schema.items())))


def fill(connection: sqlite3.Connection, schema: Schema) -> None:
    """Some rows in every ordinary table that takes them."""
    connection.execute("PRAGMA foreign_keys = OFF")
    for table in schema.tables.values():
        columns = [column for column in table.columns if not column.expression]
        names = ", ".join(quote(column.name) for column in columns)
        for number in range(0 if table.module else 4):
            row: list[Any] = [number if place % 2 else f"{number}" for place in range(len(columns))]
            try:
                marks = ", ".join("?" for _ in row)
                connection.execute(f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})", row)
            except sqlite3.Error:  # a CHECK, a STRICT type, a trigger with a function of the application
                continue
    # Rows without a parent would fail every migration.
    while orphans := connection.execute("PRAGMA foreign_key_check").fetchall():
        for child in {row[0] for row in orphans}:
            connection.execute(f"DELETE FROM {quote(child)}")


def rows(connection: sqlite3.Connection, schema: Schema) -> dict[str, list[str]]:
    """All rows of the ordinary tables, with their rowids."""
    return {
        name: sorted(map(repr, connection.execute(f"SELECT {table.rowid or 1}, * FROM {quote(table.name)}")))
        for name, table in schema.tables.items()
        if not table.module
    }


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_each_table_is_rebuilt_with_its_rows(path: Path, tmp_path: Path) -> None:
    """The first migration makes the schema, the second rebuilds every table; each goes up and down, all rows stay and
    nothing is left over."""
    application = building.Application(note=lambda _: None)
    built = building.build(application, building.statements_of(sources.read([path])))
    built.connection.close()
    project = Project(tmp_path)
    plain, checked = text(built.schema, checked=False), text(built.schema, checked=True)
    for schema, name in ((plain, "first"), (checked, "second")):
        assert project.diff(schema, "--name", name, "--allow-loss") == 0
        assert project.diff(schema, "--check") == 0
    travel(project, application, built.schema)


def travel(project: Project, application: Application, schema: Schema) -> None:
    connection = application.connect()
    run(connection, project.written("up", 1))
    fill(connection, schema)
    before, tables = rows(connection, schema), [table for table in schema.tables.values() if not table.module]
    for _ in range(2):
        run(connection, project.written("up", 2))
        assert rows(connection, schema) == before
        assert all("__new" not in table.sql for table in model.read(connection).tables.values())
        run(connection, project.written("down", 2))
        assert rows(connection, schema) == before
    assert model.read(connection).meaning() == schema.meaning()
    assert len(tables) == project.written("up", 2).count("OR ABORT")
    run(connection, project.written("down", 1))
    assert not model.read(connection).tables
    connection.close()
