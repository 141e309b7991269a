"""What rows get in a column that was not there: said in schema.sql on the way up, made up on the way down."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Protocol

from ..reading.tokens import BLOB, NUMBER, STRING
from ..sqltext import quote
from .losses import stored_affinity
from .text import lower, tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .building import Built
    from .model import Schema, Table
    from .table import Column

_ZERO = {"INTEGER": "0", "NUMERIC": "0", "REAL": "0.0", "TEXT": "''", "BLOB": "x''"}
_STRICT = {"integer": "INTEGER", "int": "INTEGER", "real": "REAL", "text": "TEXT", "blob": "BLOB", "any": "BLOB"}


class Filler(Protocol):
    """Says by lower-case column what old rows get in the new columns of a table."""

    def __call__(self, after: Table, before: Table, current: Schema, wanted: Schema, /) -> Mapping[str, str]:
        """The expressions for the table `after` of the schema `wanted`, which is `before` in the schema `current`."""
        ...


def annotated(target: Built) -> Filler:
    """The backfills of schema.sql. The function raises GenerationError at a new NOT NULL column that has neither a
    default nor a backfill: a table with rows could not have it."""

    def fill(after: Table, before: Table, _: Schema, __: Schema) -> Mapping[str, str]:
        place = target.places[lower(after.name)]
        found: dict[str, str] = {}
        for column in after.columns:
            if column.expression:
                continue
            value = place.notes.backfill.get(column.key)
            if value:
                _require_storable(target, after, column, value)
                found[column.key] = value
            elif before.column(column.key) is None and _needs_value(after, column):
                raise place.error(
                    f"new column {after.name}.{column.name} is NOT NULL and has no default: rows that are there"
                    " already would have no value",
                    f"write `-- backfill: EXPRESSION` on the line of {column.name}, or give it a default",
                    column.key,
                )
        return found

    return fill


def _require_storable(target: Built, table: Table, column: Column, value: str) -> None:
    """Raise GenerationError where a backfill is no expression, or a constant that the column never takes."""
    try:
        kind = target.connection.execute(f"SELECT typeof({value})").fetchone()[0]
    except sqlite3.Error as error:
        if "no such" in str(error):  # it speaks of columns or tables of the moment
            return
        message = f"the backfill of {table.name}.{column.name} is no expression: {error}"
        raise target.places[lower(table.name)].error(message, "mend it", column.key) from None
    blob = table.strict and column.type != "any" and kind != "null" and (kind == "blob") != (column.type == "blob")
    if blob or (kind == "null" and table.not_null(column)):
        message = f"the backfill of {table.name}.{column.name} is {kind}, which the column does not take"
        raise target.places[lower(table.name)].error(message, "write another expression", column.key)


def made_up(connection: sqlite3.Connection) -> Filler:
    """A value for each NOT NULL column that comes back on the way down, for what it held is lost: a parent's key where
    it refers to one, the rowid where it is a key, else the first of some constants that its CHECKs let through.

    connection: where the CHECKs are tried; nothing is written there.
    """

    def fill(after: Table, before: Table, current: Schema, wanted: Schema) -> Mapping[str, str]:
        return {
            column.key: _made_up(after, before, column, _parents(after, column, current, wanted), wanted, connection)
            for column in after.columns
            if not column.expression and before.column(column.key) is None and _needs_value(after, column)
        }

    return fill


def _needs_value(table: Table, column: Column) -> bool:
    return table.not_null(column) and not column.default and table.rowid_column != column.key


def _parents(after: Table, column: Column, current: Schema, wanted: Schema) -> str:
    """The key of some parent of a foreign key, as an expression; "" where it is none, or no parent is there yet."""
    for one in after.constraints:
        parent = current.tables.get(one.table)
        if one.kind != "foreign key" or column.key not in one.columns or parent is None:
            continue
        targets, place = one.targets or parent.primary_key, one.columns.index(column.key)
        later = wanted.tables.get(one.table)
        if one.table == lower(after.name) or place >= len(targets) or later is None:
            continue
        if parent.column(targets[place]) is not None and later.column(targets[place]) is not None:
            return f"(SELECT {quote(targets[place])} FROM {quote(parent.name)} ORDER BY 1 LIMIT 1)"
    return ""


def _made_up(
    after: Table, before: Table, column: Column, parents: str, wanted: Schema, connection: sqlite3.Connection
) -> str:
    if parents:
        return parents
    keys = [one.columns for one in after.constraints if one.kind in ("primary key", "unique")]
    unique = any(column.key in key and not any(before.column(name) for name in key) for key in keys)
    indexed = any(
        one.unique and one.table == lower(after.name) and column.key in one.names for one in wanted.indexes.values()
    )
    affinity = _STRICT.get(column.type, "") if after.strict else stored_affinity(after, column)
    if (unique or indexed) and before.rowid is not None:
        storage = "TEXT" if affinity == "TEXT" else affinity
        return before.rowid if storage in ("INTEGER", "NUMERIC") else f"CAST({before.rowid} AS {storage})"
    conditions = [
        one.condition for one in after.constraints if one.kind == "check" and set(one.columns) == {column.key}
    ]
    for value in _candidates(affinity, conditions):
        if all(_true(connection, condition, column.name, value) for condition in conditions):
            return value
    return _ZERO[affinity]


def _candidates(affinity: str, conditions: list[str]) -> Iterator[str]:
    """Constants to try: the zero of the affinity, what the CHECKs themselves mention, then some more."""
    yield _ZERO[affinity]
    for condition in conditions:
        for token in tokens_of(condition):
            if token.kind in (STRING, NUMBER, BLOB):
                yield token.text
                if token.kind == NUMBER:
                    yield from (f"{token.text} + 1", f"{token.text} - 1", f"-{token.text}")
    yield from ("1", "-1", "'x'", "''", "x'00'", "'{}'", "'[]'")


def _true(connection: sqlite3.Connection, condition: str, name: str, value: str) -> bool:
    try:
        row = connection.execute(f"SELECT {condition} FROM (SELECT {value} AS {quote(name)})").fetchone()
    except sqlite3.Error:
        return False
    return row[0] is None or bool(row[0])
