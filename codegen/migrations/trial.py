"""A `:memory:` copy of a schema on which each statement of a migration is run as it is chosen."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import model
from .text import lower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .building import Application


class TrialFailed(Exception):
    """A statement that SQLite refuses. sql: which."""

    def __init__(self, message: str, sql: str) -> None:
        super().__init__(message)
        self.sql = sql


@dataclass(frozen=True, slots=True)
class Step:
    """A statement of a migration, without its `;`, and the comment above it ("" for none)."""

    sql: str
    comment: str = ""


@dataclass(slots=True)
class Trial:
    """steps: what was run so far. application: what the schema expects of its application."""

    connection: sqlite3.Connection
    application: Application
    steps: list[Step] = field(default_factory=list)

    def run(self, sql: str, comment: str = "") -> None:
        """Run a statement and keep it. Raises TrialFailed."""
        while True:
            try:
                self.connection.execute(sql).fetchall()
                break
            except sqlite3.Error as error:
                if not self.application.learn(self.connection, error):
                    raise TrialFailed(str(error), sql) from None
        self.steps.append(Step(sql, comment))

    def schema(self) -> model.Schema:
        """The schema as it is now."""
        return model.read(self.connection)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo everything where a statement inside fails; TrialFailed goes on to the caller."""
        kept = len(self.steps)
        self.connection.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO attempt")
            self.connection.execute("RELEASE attempt")
            del self.steps[kept:]
            raise
        self.connection.execute("RELEASE attempt")

    def free_name(self, name: str) -> str:
        """A name for a table's successor that nothing bears yet."""
        taken = {lower(row[0]) for row in self.connection.execute("SELECT name FROM sqlite_schema")}
        candidate = f"{name}__new"
        while lower(candidate) in taken:
            candidate += "_"
        return candidate
