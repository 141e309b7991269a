"""Defaults that are not of their column's type: `BOOLEAN DEFAULT 't'`, `TIMESTAMP DEFAULT (strftime('%s', 'now'))`.

What SQLite would fill in is asked of SQLite itself. A column whose default its type cannot hold gets a wider type, so
that a row that was inserted with the default can be read.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..errors import GenerationError, Note
from ..reading.definitions import stored_tokens
from .declared import affinity
from .typemap import Type, column_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..reading.catalog import Column, Table

# No whole second, not the first half of anything: a default that gives 0 or 1 then does so by its nature.
_MOMENT = "2009-11-26 15:16:17"
_PRESENT = {
    "'NOW'": f"{_MOMENT}.891",
    "CURRENT_TIMESTAMP": _MOMENT,
    "CURRENT_DATE": _MOMENT[:10],
    "CURRENT_TIME": _MOMENT[11:],
}
_PROBE = "temp.ragkernel_default"
_CLASSES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "plain_text": (str,),
    "integer": (int,),
    "real": (float,),
    "blob": (bytes,),
    "number": (int, float),
}


def widened(
    table: Table, columns: Sequence[Column], connection: sqlite3.Connection, note: Callable[[Note], None]
) -> list[Column]:
    """The columns of a table, those with a wider type whose default their own cannot hold. Raises GenerationError where
    an override gave the type."""
    return [_widened(table, column, connection, note) for column in columns]


def _widened(table: Table, column: Column, connection: sqlite3.Connection, note: Callable[[Note], None]) -> Column:
    if column.default is None or column.generated or is_random(column.default):
        return column
    value = _default(column, connection)
    kind = column_type(column).stored
    if value is not None and (kind.choices and value not in kind.choices):
        return _without(table, column, "none of the values that its CHECK allows", note)
    if table.strict or kind.choices:
        return column
    if value is None or holds(kind.kind, value):
        return column
    what = f"the default of {table.name}.{column.name} is stored as {type(value).__name__}"
    if column.type is not None:
        raise GenerationError(
            f"{what}, which its override is not", file=table.file, line=column.line, hint="choose that type"
        )
    if isinstance(value, bytes) and affinity(column.declared) == "TEXT":
        return _without(table, column, "a BLOB, which its type does not hold", note)
    wider = _wider(column, kind.kind, value)
    if wider == kind.kind:
        return column
    found = replace(column, type=Type(wider, False))
    message = f"{what}, not as it is declared: its type is {column_type(found).read}"
    note(Note(message, table.file, column.line))
    return found


def _without(table: Table, column: Column, what: str, note: Callable[[Note], None]) -> Column:
    """The column as if it had no default: a row that got it could not be stored, or not be read."""
    text = f"the default of {table.name}.{column.name} is {what}: it is not used"
    note(Note(text, table.file, column.line))
    return replace(column, default=None)


def is_random(default: str) -> bool:
    """Whether what SQLite fills in for a default differs from row to row, so that asking once tells nothing."""
    return any(token.is_word("RANDOM", "RANDOMBLOB") for token in stored_tokens(default, "default"))


def _at_one_moment(default: str) -> str:
    """The default with a moment in the place of the present: what is asked today is asked on every day."""
    parts, end = [], 0
    for token in stored_tokens(default, "default"):
        fixed = _PRESENT.get(token.text.upper())
        if fixed:
            parts += [default[end : token.start], f"'{fixed}'"]
            end = token.end
    return "".join([*parts, default[end:]])


def _default(column: Column, connection: sqlite3.Connection) -> Any:
    """What SQLite stores for a default; None where it is NULL or cannot be had."""
    # table_info leaves out the parentheses of an expression; a bare word is a text only without them.
    asked = _at_one_moment(column.default or "")
    for default in (f"({asked})", asked):
        try:
            connection.execute(f"CREATE TABLE {_PROBE} (c {column.declared} DEFAULT {default})")
            try:
                connection.execute(f"INSERT INTO {_PROBE} DEFAULT VALUES")
                return connection.execute(f"SELECT c FROM {_PROBE}").fetchone()[0]
            finally:
                connection.execute(f"DROP TABLE {_PROBE}")
        except sqlite3.Error:
            continue
    return None


def holds(kind: str, value: Any) -> bool:
    """Whether a stored value is one of a kind."""
    if kind in _CLASSES:
        return type(value) in _CLASSES[kind]
    if kind == "flag":
        return type(value) is int and value in (0, 1)
    if kind == "moment":
        try:
            datetime.fromisoformat(value + "Z")
        except (TypeError, ValueError):
            return False
        return bool(value[10:11] == " " and len(value) < 27)
    if kind in ("json", "plain_json"):
        try:
            json.loads(value) if isinstance(value, str) or kind == "json" else None
        except (TypeError, ValueError, RecursionError):
            return False
        return not isinstance(value, bytes)
    return True


def _wider(column: Column, kind: str, value: Any) -> str:
    """The narrowest kind that holds what its own does and what the default is."""
    by = affinity(column.declared)
    if by == "TEXT":
        return "text" if isinstance(value, str) else kind
    if by in ("BLOB", ""):
        return "scalar"
    if by == "REAL":
        return "real_scalar"
    if kind == "moment":
        return "plain_text" if isinstance(value, str) else "number"
    if kind in ("flag", "integer") and not isinstance(value, (str, bytes)):
        return "integer" if isinstance(value, int) else "number"
    return "plain_scalar"
