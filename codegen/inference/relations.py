"""Names in a FROM → sources: tables, views, tables of a WITH, SQLite's own and table functions."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

from ..reading.catalog import Column
from ..reading.tokens import folded
from ..syntax.walk import reads_table
from .scopes import CommonTables, OutputColumn, Source
from .values import INTEGER, JSON_SCALAR, NOTHING, TEXT, Value, of_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reading.catalog import Table
    from ..syntax.nodes import CommonTable
    from .scopes import Work

_MAYBE_TEXT, _MAYBE_INTEGER = Value("text", True), Value("integer", True)
# https://www.sqlite.org/json1.html#jeach
_JSON = {
    "key": JSON_SCALAR.with_null(True),
    "value": JSON_SCALAR.with_null(True),
    "type": TEXT,
    "atom": JSON_SCALAR.with_null(True),
    "id": INTEGER,
    "parent": _MAYBE_INTEGER,
    "fullkey": TEXT,
    "path": TEXT,
    "json": _MAYBE_TEXT,
    "root": TEXT,
}
_SCHEMA = {
    "type": _MAYBE_TEXT,
    "name": _MAYBE_TEXT,
    "tbl_name": _MAYBE_TEXT,
    "rootpage": _MAYBE_INTEGER,
    "sql": _MAYBE_TEXT,
}
_SCHEMA_NAMES = ("sqlite_schema", "sqlite_master", "sqlite_temp_schema", "sqlite_temp_master")
_TABLE_INFO = {
    "cid": INTEGER,
    "name": TEXT,
    "type": TEXT,
    "notnull": INTEGER,
    "dflt_value": _MAYBE_TEXT,
    "pk": INTEGER,
}
_FUNCTIONS = {
    "json_each": _JSON,
    "json_tree": _JSON,
    "generate_series": {"value": INTEGER, "start": INTEGER, "stop": INTEGER, "step": INTEGER},
    "pragma_table_info": _TABLE_INFO,
    "pragma_table_xinfo": {**_TABLE_INFO, "hidden": INTEGER},
    "pragma_index_list": {"seq": INTEGER, "name": TEXT, "unique": INTEGER, "origin": TEXT, "partial": INTEGER},
    "pragma_index_info": {"seqno": INTEGER, "cid": INTEGER, "name": _MAYBE_TEXT},
    "pragma_foreign_key_list": {
        "id": INTEGER,
        "seq": INTEGER,
        "table": TEXT,
        "from": TEXT,
        "to": _MAYBE_TEXT,
        **dict.fromkeys(("on_update", "on_delete", "match"), TEXT),
    },
}
_ROWID = Column("rowid", "INTEGER", True, None, 0, False, "BINARY", None, 0)
_ROUNDS = 12


def table_columns(table: Table) -> tuple[OutputColumn, ...]:
    """The columns of a table as a SELECT sees them. The `docid` of FTS3 and FTS4 is the rowid."""
    numbered = table.module in ("fts3", "fts4")
    return tuple(
        OutputColumn(one.name, INTEGER if numbered and one.hidden and one.name == "docid" else of_column(table, one))
        for one in table.columns
    )


def table_source(table: Table, columns: Sequence[OutputColumn]) -> Source:
    """A table or a virtual table as a source."""
    hidden = frozenset(place for place, one in enumerate(table.columns) if one.hidden)
    rowid = replace(INTEGER, origin=(table, _ROWID)) if table.rowid is not None else None
    return Source(folded(table.name), table, columns, hidden, rowid)


def plain_columns(named: dict[str, Value]) -> list[OutputColumn]:
    return [OutputColumn(name, value) for name, value in named.items()]


def function_columns(name: str, connection: sqlite3.Connection) -> list[OutputColumn]:
    """The columns of a table function: those of SQLite's by name, of others their names alone."""
    known = _FUNCTIONS.get(folded(name))
    if known is not None:
        return plain_columns(known)
    try:
        found = connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1", (name,)).fetchall()
    except sqlite3.Error:
        return []
    return [OutputColumn(column, NOTHING) for (column,) in found]


def own_table(name: str) -> Source | None:
    """One of SQLite's own tables."""
    if folded(name) in _SCHEMA_NAMES:
        return Source(folded(name), None, plain_columns(_SCHEMA), rowid=INTEGER)
    if folded(name) == "sqlite_sequence":
        return Source(folded(name), None, plain_columns({"name": NOTHING, "seq": NOTHING}), rowid=INTEGER)
    return None


def common_source(name: str, tables: CommonTables | None, work: Work) -> Source | None:
    """The table of that name in the innermost WITH that has one."""
    key = folded(name)
    while tables is not None:
        if key in tables.nodes:
            return Source(key, None, _common_columns(key, tables, work))
        tables = tables.outer
    return None


def _common_columns(key: str, tables: CommonTables, work: Work) -> Sequence[OutputColumn]:
    """The columns of a common table. A recursive one begins with what its arms give that do not read it, and goes on
    until nothing is added: types and nullability only grow."""
    if key in tables.known:
        return tables.known[key]
    node = tables.nodes[key]
    arms = node.select.arms
    seeds = tuple(one for one in arms if not reads_table(one[1], key))
    if len(seeds) == len(arms):
        tables.known[key] = _named(node, work.columns(node.select, tables.context, tables))
        return tables.known[key]
    first = replace(node.select, arms=seeds or arms[:1], order=(), limit=None, offset=None)
    tables.known[key] = () if not seeds else _named(node, work.columns(first, tables.context, tables))
    for _ in range(_ROUNDS):
        found = _named(node, work.columns(node.select, tables.context, tables))
        if [(one.name, one.value) for one in found] == [(one.name, one.value) for one in tables.known[key]]:
            return tables.known[key]
        tables.known[key] = found
    tables.known[key] = tuple(OutputColumn(one.name, NOTHING) for one in tables.known[key])
    return tables.known[key]


def _named(node: CommonTable, columns: Sequence[OutputColumn]) -> tuple[OutputColumn, ...]:
    return renamed(columns, node.columns)


def renamed(columns: Sequence[OutputColumn], names: Sequence[str] | None) -> tuple[OutputColumn, ...]:
    """The columns of a subquery as others see them: under the names of a column list, or each under a name of its
    own: the second `id` is called `id:1`."""
    if names is not None and len(names) == len(columns):
        return tuple(replace(one, name=name, source="") for name, one in zip(names, columns, strict=True))
    seen: set[str] = set()
    found = []
    for one in columns:
        name, number = one.name, 0
        while folded(name) in seen:
            number += 1
            name = f"{one.name}:{number}"
        seen.add(folded(name))
        found.append(replace(one, name=name, source=""))
    return tuple(found)
