"""Schemas built in `:memory:`: what the migrations make, and what schema.sql says.

Nothing here reaches a file: ATTACH (and VACUUM, which attaches) are denied. Functions and collations that an
application registers are stubbed, for SQLite wants them to exist before it takes a CHECK or an index that uses them.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import GenerationError
from ..tokens import Statement, split, syntax_error_token
from . import model, notes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .notes import Notes

_IGNORED = ("VACUUM", "ATTACH", "DETACH")
_MISSING_FUNCTION, _MISSING_COLLATION = "no such function: ", "no such collation sequence: "


@dataclass(frozen=True, slots=True)
class Script:
    """A text of SQL and the name of its file in errors."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table stands in schema.sql, with the comment above it and what comments say of it and its columns."""

    statement: Statement
    doc: str
    notes: Notes

    def error(self, message: str, hint: str, column: str = "") -> GenerationError:
        """An error at the table, or at the line of a column (lower case)."""
        line = self.notes.lines.get(column)
        if line is None:
            return self.statement.error(message, hint=hint)
        return GenerationError(message, file=self.statement.file, line=line, hint=hint)


@dataclass(slots=True)
class Application:
    """What the schema expects of its application, learned from what SQLite misses: functions and collations."""

    functions: set[str] = field(default_factory=set)
    collations: set[str] = field(default_factory=set)

    def connect(self) -> sqlite3.Connection:
        """A new `:memory:` database that has all of them. The caller closes it."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        for name in sorted(self.functions):
            connection.create_function(name, -1, _nothing, deterministic=True)
        for name in sorted(self.collations):
            connection.create_collation(name, _compare)
        connection.set_authorizer(_no_other_file)
        return connection

    def copy(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """A new `:memory:` database with the same content. The caller closes it."""
        made = self.connect()
        connection.backup(made)
        return made

    def learn(self, connection: sqlite3.Connection, error: sqlite3.Error) -> bool:
        """Whether the error named something that was missing and is stubbed now."""
        message = str(error)
        function = message.partition(_MISSING_FUNCTION)[2]
        collation = message.partition(_MISSING_COLLATION)[2]
        if function and function not in self.functions:
            self.functions.add(function)
            connection.create_function(function, -1, _nothing, deterministic=True)
        elif collation and collation not in self.collations:
            self.collations.add(collation)
            connection.create_collation(collation, _compare)
        else:
            return False
        return True


def _nothing(*_: object) -> None:
    return None


def _compare(left: str, right: str) -> int:
    return (left > right) - (left < right)


def _no_other_file(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK


@dataclass(frozen=True, slots=True)
class Built:
    """A schema in `:memory:` (the caller closes it), its model, and where its tables stand, by lower-case name."""

    connection: sqlite3.Connection
    schema: model.Schema
    places: dict[str, Place] = field(default_factory=dict)


def build(application: Application, statements: Iterable[Statement]) -> Built:
    """Run statements one by one in a new database. Raises GenerationError at the statement that SQLite refuses."""
    connection = application.connect()
    try:
        places: dict[str, Place] = {}
        for statement in statements:
            if statement.tokens[0].is_word(*_IGNORED):
                continue
            _run(application, connection, statement)
            name = _table_name(statement)
            if name is not None:
                places[name] = Place(statement, _doc(statement), notes.read(statement))
        if connection.in_transaction:
            connection.execute("COMMIT")
        return Built(connection, model.read(connection), places)
    except BaseException:
        connection.close()
        raise


def statements_of(scripts: Iterable[Script]) -> list[Statement]:
    """The statements of scripts in order."""
    return [statement for script in scripts for statement in split(script.text, script.file)]


def _run(application: Application, connection: sqlite3.Connection, statement: Statement) -> None:
    while True:
        try:
            connection.execute(statement.sql).fetchall()
            return
        except sqlite3.Error as error:
            if application.learn(connection, error):
                continue
            token = syntax_error_token(connection, statement, error)
            hint = "the generator's own SQLite needs this module" if "no such module" in str(error) else ""
            raise statement.error(str(error), token, hint) from None


def _table_name(statement: Statement) -> str | None:
    """The lower-case name of the table that a CREATE TABLE or CREATE VIRTUAL TABLE makes."""
    tokens = statement.tokens
    if not tokens[0].is_word("CREATE"):
        return None
    place = next((place for place, token in enumerate(tokens[:4]) if token.is_word("TABLE")), None)
    if place is None:
        return None
    place += 1
    if tokens[place].is_word("IF"):
        place += 3
    if tokens[place + 1 : place + 2] and tokens[place + 1].text == ".":
        place += 2
    return tokens[place].value.lower()


def _doc(statement: Statement) -> str:
    """The comment lines directly above a statement, as they stand, but for what is said to tools."""
    lines: list[str] = []
    expected = statement.tokens[0].line - 1
    for token in reversed(statement.above):
        if token.line != expected or not token.text.startswith("--"):
            break
        expected -= 1
        words = token.text.lstrip("- ")
        if not words.startswith(("part:", "lint:", notes.RENAMED)):
            lines.append(token.text)
    return "\n".join(reversed(lines))
