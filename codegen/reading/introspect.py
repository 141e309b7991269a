"""Scripts → Catalog. SQLite parses: the scripts run in a `:memory:` database and PRAGMAs tell what it means."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ..errors import GenerationError
from . import quoting, sources
from .catalog import Catalog, Part, Trigger
from .loading import DEFAULT_PART, load
from .quoting import double_quoted
from .relations import Reader
from .tokens import folded
from .usable import drop_unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..errors import Note
    from .catalog import Table
    from .loading import Loaded
    from .sources import Script
    from .usable import Row

_ROWS = "SELECT rowid, type, name, tbl_name, sql FROM main.sqlite_schema WHERE sql NOT NULL ORDER BY rowid"


def read_schema(
    scripts: Sequence[Script], note: Callable[[Note], None], strict: bool = False
) -> tuple[Catalog, sqlite3.Connection]:
    """The catalog of a schema, and the `:memory:` database that holds it (the caller closes it).

    note: told of what is doubtful; with `strict` that is an error. Raises GenerationError with file, line and column
    for SQL that SQLite refuses, and for a schema without a table.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        return _catalog(connection, scripts, _refuse if strict else note), connection
    except BaseException:
        connection.close()
        raise


def _refuse(note: Note) -> None:
    raise note.error()


def _catalog(connection: sqlite3.Connection, scripts: Sequence[Script], note: Callable[[Note], None]) -> Catalog:
    loaded = load(connection, scripts, note)
    rows: list[Row] = [
        (rowid, kind, name, table, loaded.originals.get(folded(name), sql))
        for rowid, kind, name, table, sql in connection.execute(_ROWS)
        if rowid in loaded.placed
    ]
    unusable = drop_unusable(loaded, rows, note)
    for statement, token in double_quoted(loaded, [row for row in rows if row[0] not in unusable]):
        note(statement.note(quoting.message(token), token, quoting.HINT, "double-quoted"))
    rows = [row for row in rows if row[0] not in loaded.gone]
    _tell_temporary(loaded, rows, note)
    reader = Reader(loaded)
    # A virtual table makes its shadow tables itself.
    rows = [row for row in rows if reader.kind(row[3]) != "shadow"]
    relations = [
        reader.relation(row) for row in rows if row[1] in ("table", "view") and row[0] not in unusable
    ]  # fmt: skip
    if not relations:
        raise GenerationError("the schema has no table", file=sources.names(scripts), hint="is it the right file?")
    triggers = tuple(
        Trigger(name, table, sql, loaded.placed[rowid].statement.file, loaded.placed[rowid].statement.tokens[0].line)
        for rowid, kind, name, table, sql in rows
        if kind == "trigger" and rowid not in unusable
    )
    return Catalog(
        tables=tuple(one for one in relations if one.kind == "table"),
        parts=_parts(rows, loaded, relations),
        script=tuple(row[4] for row in rows),
        views=tuple(one for one in relations if one.kind == "view"),
        virtual_tables=tuple(one for one in relations if one.kind == "virtual"),
        triggers=triggers,
    )


def _tell_temporary(loaded: Loaded, rows: Sequence[Row], note: Callable[[Note], None]) -> None:
    """A note for each TEMP object. One that hides a table of the schema is dropped: names mean the schema's."""
    names = {folded(row[2]) for row in rows if row[1] in ("table", "view")}
    for (kind, name), statement in loaded.temporary.items():
        hides = kind in ("table", "view") and folded(name) in names
        message = f"no code is generated for the TEMP {kind} {name}" + (", which hides a table" if hides else "")
        hint = "rename one of them" if hides else "the schema of one connection"
        note(statement.note(message, hint=hint, rule="left-out"))
        if hides:
            loaded.connection.execute(f'DROP {kind} temp."{name.replace(chr(34), chr(34) * 2)}"')


def _parts(rows: Sequence[Row], loaded: Loaded, relations: Sequence[Table]) -> tuple[Part, ...]:
    """The parts in order of appearance. An index or trigger goes with its table."""
    home = {folded(row[2]): loaded.placed[row[0]].part for row in rows if row[1] in ("table", "view")}
    names = dict.fromkeys(loaded.placed[row[0]].part for row in rows)
    return tuple(
        Part(
            name,
            tuple(table.name for table in relations if table.part == name and table.kind == "table"),
            tuple(row[4] for row in rows if home.get(folded(row[3]), DEFAULT_PART) == name),
        )
        for name in names
    )
