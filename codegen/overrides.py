"""The types of columns that their declared types do not tell: overrides, ANY in STRICT tables, odd defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .computed import with_computed, with_random_defaults
from .errors import GenerationError
from .inference.values import STORED
from .types.declared import affinity, kind_of
from .types.defaults import widened
from .types.typemap import Type, column_type

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from .errors import Note
    from .reading.catalog import Catalog, Column, Table
    from .types.config import Override

# Kind → the storage class in which SQLite keeps it.
_CLASSES = {"integer": "integer", "flag": "integer", "real": "real", "text": "text", "moment": "text", "json": "text"}
_ANYTHING = STORED["scalar"]
# Storage classes that a CHECK lets in → the kind that is them.
_CONFINED = {
    frozenset({"integer"}): "integer",
    frozenset({"real"}): "real",
    frozenset({"integer", "real"}): "number",
    frozenset({"text"}): "text",
    frozenset({"blob"}): "blob",
}
# (Affinity, kind) → what the kind becomes there, or "" where SQLite would keep its values as those of another type.
_KEPT = {
    ("TEXT", "integer"): "",
    ("TEXT", "real"): "",
    ("TEXT", "flag"): "",
    ("REAL", "integer"): "",
    ("REAL", "flag"): "",
    ("REAL", "json"): "",
    **{(numeric, "text"): "plain_text" for numeric in ("INTEGER", "NUMERIC", "REAL")},
    **{(numeric, "json"): "plain_json" for numeric in ("INTEGER", "NUMERIC")},
}


def with_types(
    catalog: Catalog, overrides: Iterable[Override], connection: sqlite3.Connection, note: Callable[[Note], None]
) -> Catalog:
    """The catalog with `Column.type` where the declared type does not tell it.

    connection: a database that holds the schema. note: told of a default that is not of its column's type. Raises
    GenerationError for an override that nothing fits, or whose type the column cannot keep.
    """
    given = tuple(overrides)
    used: set[Override] = set()

    def typed(table: Table) -> Table:
        columns = [_overridden(table, column, given, used) for column in table.columns]
        if table.kind == "table":
            columns = [
                replace(column, type=Type(kind_of(column.declared, strict=True), False))
                if table.strict and column.type is None and column.declared.upper() == "ANY"
                else column
                for column in columns
            ]
            columns = [_confined(column) for column in columns]
            columns = widened(table, columns, connection, note)
            columns = with_random_defaults(table, columns, catalog, connection)
            columns = with_computed(table, columns, catalog, connection)
        return replace(table, columns=tuple(columns)) if columns != list(table.columns) else table

    tables, views = tuple(map(typed, catalog.tables)), tuple(map(typed, catalog.views))
    virtual = tuple(map(typed, catalog.virtual_tables))
    for one in given:
        if one not in used:
            what = f"there is no column {one.column}" if one.column else f"no column is declared {one.declared}"
            raise GenerationError(f"unused override: {what}", file=one.file, line=one.line)
    return replace(catalog, tables=tables, views=views, virtual_tables=virtual)


def _confined(column: Column) -> Column:
    """The column with the type of what a CHECK on its typeof, or STRICT, lets into it, where its own would let more."""
    stores = column.stores
    if stores is None or column.type is not None or column.choices or column.expression:
        return column
    if STORED.get(column_type(column).kind, _ANYTHING) <= stores:
        return column
    kind = _CONFINED.get(stores)
    if kind == "text" and affinity(column.declared) in ("INTEGER", "NUMERIC", "REAL"):
        kind = "plain_text"
    return column if kind is None else replace(column, type=Type(kind, False))


def _overridden(table: Table, column: Column, overrides: Iterable[Override], used: set[Override]) -> Column:
    """The column with the type of its override: one by name goes before one by declared type."""
    name = f"{table.name}.{column.name}".lower()
    declared = " ".join(column.declared.upper().split())
    by_name = [one for one in overrides if one.column.lower() == name]
    by_type = [one for one in overrides if one.declared and " ".join(one.declared.upper().split()) == declared]
    used.update(by_name, by_type)
    if len(by_name) > 1 or (not by_name and len(by_type) > 1):
        again = (by_name or by_type)[1]
        raise GenerationError(f"a second override for {table.name}.{column.name}", file=again.file, line=again.line)
    found = next(iter([*by_name, *by_type]), None)
    return column if found is None else replace(column, type=_stored(table, column, found))


def _stored(table: Table, column: Column, override: Override) -> Type:
    """The override's type as this column keeps it."""
    kind = override.type.stored.kind
    by = "" if table.strict and column.declared.upper() == "ANY" else affinity(column.declared)
    if table.kind != "table":
        by = ""
    kept = _KEPT.get((by, kind), kind)
    refused = not kept or (column.stores is not None and _CLASSES.get(kept, "blob") not in column.stores)
    if refused:
        raise GenerationError(
            f"{table.name}.{column.name} is declared {column.declared or 'without a type'}, and would not keep {kind}",
            file=override.file,
            line=override.line,
            hint="choose a type that is stored otherwise",
        )
    if override.type.own is None:
        return Type(kept, False)
    return replace(override.type, own=replace(override.type.own, stored=kept))
