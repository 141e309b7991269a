"""Views and triggers that SQLite takes and cannot run: it looks for what they name only when they are used."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from .loading import told_stand_in
from .tokens import folded, syntax_error_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..errors import Note
    from .loading import Loaded, Placed
    from .tokens import Statement, Token

# A row of sqlite_schema: rowid, type, name, tbl_name, sql.
Row = tuple[int, str, str, str, str]


def drop_unusable(loaded: Loaded, rows: Sequence[Row], note: Callable[[Note], None]) -> set[int]:
    """Drop each view and trigger that cannot run from the database, so that it stands in no statement's way; their
    rowids. `loaded.missing` then also names those that need what was left out."""
    dropped: set[int] = set()
    before = -1
    while len(dropped) != before:
        before = len(dropped)
        for row in rows:
            if row[0] not in dropped and row[1] in ("view", "trigger"):
                error = _view_error(loaded, row, note) if row[1] == "view" else _trigger_error(loaded, row, note)
                if error is not None:
                    dropped.add(row[0])
                    _tell(loaded, row, error, note)
                    loaded.connection.execute(f"DROP {row[1]} IF EXISTS main.{_quoted(row[2])}")
    return dropped


def _tell(loaded: Loaded, row: Row, error: sqlite3.Error, note: Callable[[Note], None]) -> None:
    _, kind, name, _, _ = row
    statement = loaded.placed[row[0]].statement
    message, hint = str(error), "SQLite looks for what it names only when it is used"
    if kind == "trigger":
        message += "; what fires it fails as well"
    if (
        message.startswith("no such table: ")
        and folded(str(error).removeprefix("no such table: ").removeprefix("main.")) in loaded.missing
    ):
        loaded.missing.add(folded(name))
        loaded.gone.add(row[0])
        hint = "it needs what was left out"
    token = syntax_error_token(loaded.connection, statement, error)
    note(statement.note(f"the {kind} {name} is left out: {message}", token, hint, "left-out"))


def _view_error(loaded: Loaded, row: Row, note: Callable[[Note], None]) -> sqlite3.Error | None:
    return _error(loaded, loaded.placed[row[0]], trial(loaded.connection, row, ()), note)


def _trigger_error(loaded: Loaded, row: Row, note: Callable[[Note], None]) -> sqlite3.Error | None:
    """Why what fires the trigger cannot be prepared, if it can without the trigger."""
    placed, connection = loaded.placed[row[0]], loaded.connection
    fires = trial(connection, row, placed.statement.tokens)
    error = _error(loaded, placed, fires, note) if fires else None
    if error is None:
        return None
    connection.execute("SAVEPOINT without_trigger")
    try:
        connection.execute(f"DROP TRIGGER main.{_quoted(row[2])}")
        without = _error(loaded, placed, fires, note)
    finally:
        connection.execute("ROLLBACK TO without_trigger")
        connection.execute("RELEASE without_trigger")
    return None if str(without) == str(error) else error


def _error(loaded: Loaded, placed: Placed, sql: str, note: Callable[[Note], None]) -> sqlite3.Error | None:
    tried: set[str] = set()
    while True:
        try:
            loaded.connection.execute(sql)
        except sqlite3.Error as error:
            if not told_stand_in(loaded.connection, _naming(loaded, placed, error), error, note, tried):
                return error
        else:
            return None


def _naming(loaded: Loaded, placed: Placed, error: sqlite3.Error) -> Statement:
    """The statement that an error is about: what is tried also runs other triggers and views."""
    name = str(error).rsplit(": ", 1)[-1]
    every = [placed.statement, *(other.statement for other in loaded.placed.values())]
    return next((one for one in every if any(token.same_name(name) for token in one.tokens)), placed.statement)


def trial(connection: sqlite3.Connection, row: Row, tokens: Sequence[Token]) -> str:
    """A statement that uses a view or fires a trigger, whose statement's tokens are given; "" where none can be
    made."""
    if row[1] == "view":
        return f"EXPLAIN SELECT * FROM main.{_quoted(row[2])}"
    table = row[3]
    event = next(
        (place for place, token in enumerate(tokens) if place > 2 and token.is_word("DELETE", "INSERT", "UPDATE")), None
    )
    if event is None:
        return ""
    if tokens[event].is_word("DELETE"):
        return f"EXPLAIN DELETE FROM main.{_quoted(table)}"
    if tokens[event].is_word("INSERT"):
        return f"EXPLAIN INSERT INTO main.{_quoted(table)} DEFAULT VALUES"
    columns = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden NOT IN (2, 3)", (table,)
        )
    ]
    if event + 2 < len(tokens) and tokens[event + 1].is_word("OF"):
        columns = [name for name in columns if tokens[event + 2].same_name(name)]
    return f"EXPLAIN UPDATE main.{_quoted(table)} SET {_quoted(columns[0])} = NULL" if columns else ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
