"""Witnesses: random rows that a schema accepts, and whether what a query gives of them is of the types that were
inferred. A value outside its type is a proof of unsoundness."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codegen import sqltext
from codegen.inference import infer
from codegen.inference.values import STORED
from codegen.types.typemap import Type, column_type

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from codegen.inference import Inference, InferredParameter
    from codegen.reading.catalog import Catalog, Table
    from codegen.reading.tokens import Statement

Raw = str | int | float | bytes | None
# Few values, so that rows meet in joins and groups; those at which functions give NULL or another type among them.
_TEXTS = ("", "a", "b", "B", "1", "2.5", "a,b", "2024-02-30")
_DOMAINS: dict[str, tuple[Raw, ...]] = {
    "text": _TEXTS,
    "plain_text": ("", "a", "2024-01-01"),
    "integer": (0, 1, 2, -1, 3),
    "real": (0.0, 1.5, -2.0, 1.0),
    "blob": (b"", b"a", b"\x00"),
    "flag": (0, 1),
    "moment": ("2024-01-01 00:00:00", "2024-06-30 12:00:00.5"),
    "json": ("[]", "null", '{"a": 1}', '[1, "x", null, 2.5, {"b": []}]', '"a"', "3"),
    "plain_json": ("[]", '{"a": 1}', 3),
    "number": (0, 1, 2.5, -1),
    "json_scalar": ("", "a", 0, 1, 2.5),
}
_ANY: tuple[Raw, ...] = ("", "a", 0, 1, 2.5, b"", b"a")
_CLASSES = {"text": str, "integer": int, "real": float, "blob": bytes}


def fits(value: Raw, kind: Type | None) -> bool:
    """Whether SQLite's value is of the type; anything is of a type that is not known."""
    if kind is None:
        return True
    if value is None:
        return kind.nullable
    if kind.choices:
        return value in kind.choices
    if kind.kind == "flag":
        return type(value) is int and value in (0, 1)
    if kind.kind == "moment":
        return type(value) is str and len(value) >= 19 and value[10] == " "
    # RETURNING of an UPDATE gives the integers as which SQLite keeps whole numbers of a REAL column.
    return type(value) in {_CLASSES[one] for one in STORED[kind.kind]}


def value_for(kind: Type | None, chance: random.Random) -> Raw:
    """A value of the type."""
    if kind is None:
        return chance.choice((*_ANY, None))
    if kind.nullable and chance.random() < 0.4:
        return None
    return chance.choice(kind.choices or _DOMAINS.get(kind.kind, _ANY))


def fill(connection: sqlite3.Connection, catalog: Catalog, chance: random.Random) -> None:
    """Replace all rows of the tables by a few random ones; those that a constraint refuses are left out."""
    searched = [table for table in catalog.virtual_tables if table.module.startswith("fts")]
    for table in (*catalog.tables, *searched):
        connection.execute(f"DELETE FROM {sqltext.quote(table.name)}")
        for _ in range(chance.choice((0, 1, 1, 2, 3, 4))):
            _insert(connection, table, chance)


def _insert(connection: sqlite3.Connection, table: Table, chance: random.Random) -> None:
    columns = [column for column in table.columns if not (column.generated or column.hidden)]
    values = [value_for(column_type(column), chance) for column in columns]
    marks = ", ".join("?" * len(columns))
    sql = f"INSERT OR IGNORE INTO {sqltext.quote(table.name)} ({sqltext.names([c.name for c in columns])})"
    connection.execute(f"{sql} VALUES ({marks})", values)


def arguments(parameters: Sequence[InferredParameter], chance: random.Random) -> dict[str, Raw]:
    """Values for the parameters of a statement."""
    found: dict[str, Raw] = {}
    for one in parameters:
        if one.many:
            count = chance.choice((0, 1, 2, 3))
            items = [value_for(one.type, chance) for _ in range(count)]
            found[one.name] = json.dumps([None if isinstance(item, bytes) else item for item in items])
        else:
            found[one.name] = value_for(one.type, chance)
    return found


@contextmanager
def undone(connection: sqlite3.Connection) -> Iterator[None]:
    """What is done inside is taken back."""
    connection.execute("SAVEPOINT witness")
    try:
        yield
    finally:
        connection.execute("ROLLBACK TO witness")
        connection.execute("RELEASE witness")


def refutation(
    connection: sqlite3.Connection, statement: Statement, inference: Inference, chance: random.Random
) -> str:
    """What a run of the statement shows to be wrong, "" for nothing. A run that SQLite breaks off shows nothing."""
    given = arguments(inference.parameters, chance)
    with undone(connection):
        try:
            cursor = connection.execute(statement.sql, given)
            rows = cursor.fetchmany(50)
        except (sqlite3.Error, OverflowError):
            return ""
        names = [one[0] for one in cursor.description or ()]
    # A joined pair in parentheses has columns `id` and `id:1` by some versions.
    names = [one.partition(":")[0] if one.partition(":")[2].isdigit() else one for one in names]
    if names != [one.name for one in inference.columns]:
        return f"names {names} and not {[one.name for one in inference.columns]}"
    if inference.one_row and len(rows) != 1:
        return f"{len(rows)} rows and not one"
    for row in rows:
        for column, value in zip(inference.columns, row, strict=True):
            real = column.type is not None and column.type.kind == "real" and type(value) is int
            if not fits(value, column.type) and not (real and statement.sql.upper().startswith("UPDATE")):
                return f"{column.name}: {value!r} is not {column.type}, with {given}"
    return ""


def witness(
    connection: sqlite3.Connection,
    catalog: Catalog,
    statements: Sequence[Statement],
    chance: random.Random,
    databases: int,
) -> list[str]:
    """The statements that random databases refute, each with what was found first."""
    known = [(one, infer(one, catalog, connection)) for one in statements]
    wrong: dict[str, str] = {}
    for _ in range(databases):
        fill(connection, catalog, chance)
        for statement, inference in known:
            if statement.sql not in wrong and (found := refutation(connection, statement, inference, chance)):
                wrong[statement.sql] = found
    return [f"{sql}\n  {found}" for sql, found in wrong.items()]
