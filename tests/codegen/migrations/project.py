"""A project with migrations and a schema in a folder, and the ways to run what `diff` writes for it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.migrations import command
from ragkernel.core.migrate import statements

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Project:
    """migrations: the folder of migrations, the first of which makes what was there at first."""

    root: Path

    @property
    def migrations(self) -> Path:
        return self.root / "migrations"

    def start(self, sql: str) -> Project:
        """Make the first migration."""
        self.migrations.mkdir(parents=True)
        (self.migrations / "0001_tables.up.sql").write_text(sql)
        (self.migrations / "0001_tables.down.sql").write_text("SELECT 1;\n")
        return self

    def diff(self, schema: str, *options: str) -> int:
        """Run `diff` with this schema.sql; its exit code."""
        (self.root / "schema.sql").write_text(schema)
        common = ["--schema", str(self.root / "schema.sql"), "--migrations", str(self.migrations)]
        return command.main([*common, *(options or ("--name", "change"))])

    def written(self, direction: str = "up", number: int = 2) -> str:
        """The text of the migration that was written."""
        return next(self.migrations.glob(f"{number:04}_*.{direction}.sql")).read_text()

    def code(self, direction: str = "up") -> list[str]:
        """The statements of the migration that was written, without its comments."""
        lines = [line for line in self.written(direction).splitlines() if not line.startswith("--")]
        return [" ".join(one.split()).removesuffix(";").rstrip() for one in statements("\n".join(lines))]


def run(connection: sqlite3.Connection, script: str) -> None:
    """Run a migration as ragkernel's runner does: foreign keys off, one transaction, statement by statement; all of it
    is undone where one fails or a row would lose its parent."""
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements(script):
            connection.execute(statement)
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise sqlite3.IntegrityError(f"rows without a parent: {broken}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    connection.execute("PRAGMA foreign_keys = ON")


def database(sql: str) -> sqlite3.Connection:
    """A `:memory:` database with this schema. The caller closes it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statement in statements(sql):
            connection.execute(statement)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
