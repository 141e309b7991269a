"""Schemas built in `:memory:`: what the migrations make, and what schema.sql says.

Nothing here reaches a file: ATTACH and VACUUM are not run. Functions and collations that an application registers have
stand-ins, for SQLite wants them to exist before it takes a CHECK or an index that uses them.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import GenerationError, Note
from ..reading.stubs import stand_in
from ..reading.tokens import COMMAND, Statement, split, syntax_error_token
from . import model, notes
from .text import lower

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..reading.sources import Script
    from .notes import Notes

# Data has no influence on a schema; but PRAGMA legacy_alter_table and foreign_keys have, on what a rename takes along.
_IGNORED = (
    *("VACUUM", "ATTACH", "DETACH", "ANALYZE", "REINDEX", "EXPLAIN"),
    *("INSERT", "UPDATE", "DELETE", "REPLACE", "SELECT", "WITH", "VALUES"),
)
_NO_TABLE = "no such table: "
_PLACE = re.compile(r"^error in [^:]*: ")


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


def print_note(note: Note) -> None:
    """Tell of what is left out on stderr."""
    print(note, file=sys.stderr)


@dataclass(slots=True)
class Application:
    """What the schema expects of its application. missed: SQLite's complaints for want of functions and collations.
    left_out: why each object is left out, in lower case, because SQLite here has no such module. note: told of it."""

    missed: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    note: Callable[[Note], None] = print_note

    def connect(self) -> sqlite3.Connection:
        """A new `:memory:` database with a stand-in for each. The caller closes it."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        for message in self.missed:
            stand_in(connection, sqlite3.OperationalError(message))
        return connection

    def copy(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """A new `:memory:` database with the same content. The caller closes it."""
        made = self.connect()
        connection.backup(made)
        return made

    def learn(self, connection: sqlite3.Connection, error: sqlite3.Error) -> bool:
        """Whether the error named something that was missing, and has a stand-in now."""
        # ALTER TABLE puts before it where it found the name: "error in view v: no such function: f".
        message = _PLACE.sub("", str(error))
        if message in self.missed or stand_in(connection, sqlite3.OperationalError(message)) is None:
            return False
        self.missed.append(message)
        return True

    def leaves_out(self, statement: Statement, error: GenerationError) -> bool:
        """Whether a statement that failed is no part of the comparison: it makes a virtual table of a module that is
        missing here, or needs one."""
        name = _table_name(statement)
        if name is not None and error.message.startswith("no such module: "):
            if name not in self.left_out:
                place = statement.tokens[0]
                message = f"virtual table {name} is not compared: {error.message}"
                self.note(Note(message, statement.file, place.line, place.column))
            self.left_out[name] = error.message
            return True
        missing = lower(error.message.removeprefix(_NO_TABLE).removeprefix("main."))
        return error.message.startswith(_NO_TABLE) and missing in self.left_out


@dataclass(frozen=True, slots=True)
class Built:
    """A schema in `:memory:` (the caller closes it), its model, and where its tables stand, by lower-case name."""

    connection: sqlite3.Connection
    schema: model.Schema
    places: dict[str, Place] = field(default_factory=dict)


def build(application: Application, statements: Iterable[Statement]) -> Built:
    """Run statements one by one in a new database; what needs a later table waits for the end.

    Raises GenerationError at the statement that SQLite refuses.
    """
    connection = application.connect()
    try:
        places: dict[str, Place] = {}
        waiting: list[Statement] = []
        last = None
        for statement in statements:
            if statement.tokens[0].is_word(*_IGNORED) or statement.tokens[0].kind == COMMAND:
                continue
            last = statement
            try:
                _run(application, connection, statement)
            except GenerationError as error:
                if application.leaves_out(statement, error):
                    continue
                if not error.message.startswith(_NO_TABLE) or not statement.tokens[0].is_word("CREATE"):
                    raise
                waiting.append(statement)
                continue
            if (name := _table_name(statement)) is not None:
                places[name] = Place(statement, _doc(statement), notes.read(statement))
        for statement in waiting:
            _run(application, connection, statement)
        if connection.in_transaction:
            connection.execute("COMMIT")
        schema = model.read(connection)
        for name in schema.tables:  # one that got its name by ALTER TABLE
            if last is not None:
                places.setdefault(name, Place(last, "", notes.Notes()))
        return Built(connection, schema, places)
    except BaseException:
        connection.close()
        raise


def statements_of(scripts: Iterable[Script]) -> list[Statement]:
    """The statements of scripts in order."""
    return [statement for script in scripts for statement in split(script.text, script.name)]


def _run(application: Application, connection: sqlite3.Connection, statement: Statement) -> None:
    while True:
        try:
            connection.execute(statement.sql).fetchall()
            return
        except sqlite3.Error as error:
            if application.learn(connection, error):
                continue
            if statement.tokens[0].is_word("ALTER") and str(error).startswith("error in ") and not _legacy(connection):
                # A view or trigger names a table that is gone for the moment, which older SQLite did not mind.
                connection.execute("PRAGMA legacy_alter_table = ON")
                _run(application, connection, statement)
                connection.execute("PRAGMA legacy_alter_table = OFF")
                return
            token = syntax_error_token(connection, statement, error)
            raise statement.error(str(error), token) from None


def _legacy(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA legacy_alter_table").fetchone()[0])


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
    return lower(tokens[place].value)


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
