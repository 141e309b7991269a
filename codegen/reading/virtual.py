"""Virtual tables: what their modules store in their columns, which they mostly do not declare."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .definitions import split_list, stored_tokens
from .tokens import folded

if TYPE_CHECKING:
    from .catalog import Column, Table

FULL_TEXT = ("fts3", "fts4", "fts5")
RTREES = ("rtree", "rtree_i32")


def virtual_module(sql: str, file: str) -> str:
    """The name of the module in a CREATE VIRTUAL TABLE, in lower case."""
    tokens = stored_tokens(sql, file)
    using = next((place for place, token in enumerate(tokens) if place > 2 and token.is_word("USING")), None)
    return tokens[using + 1].value.lower() if using is not None and using + 1 < len(tokens) else ""


def virtual_columns(table: Table, module: str) -> tuple[Column, ...]:
    """The columns of a virtual table with the types that its module stores, as far as that is known.

    Full-text tables (https://www.sqlite.org/fts5.html, fts3.html) keep any value; they are meant for text. An R*Tree
    (https://www.sqlite.org/rtree.html) makes 32-bit numbers of its coordinates and an integer of its id.
    """
    if module in FULL_TEXT:
        return tuple(_full_text(table, column) for column in table.columns)
    if module in RTREES:
        auxiliary = _auxiliary(table)
        return tuple(
            _spatial(column, place, module, auxiliary.get(folded(column.name)))
            for place, column in enumerate(table.columns)
        )
    return table.columns


def _full_text(table: Table, column: Column) -> Column:
    declared = "TEXT"
    if column.hidden and folded(column.name) != folded(table.name):
        declared = "REAL" if folded(column.name) == "rank" else "INTEGER"
    return replace(column, declared=declared)


def _spatial(column: Column, place: int, module: str, auxiliary: str | None) -> Column:
    if auxiliary is not None:
        return replace(column, declared=auxiliary)
    if place == 0:
        return replace(column, declared="INTEGER", not_null=True, key=1, stores=frozenset({"integer"}))
    kind = "INTEGER" if module == "rtree_i32" else "REAL"
    return replace(column, declared=kind, not_null=True, stores=frozenset({kind.lower()}))


def _auxiliary(table: Table) -> dict[str, str]:
    """The declared types of the auxiliary columns `+name TYPE`, by lower-case name."""
    tokens = stored_tokens(table.sql, table.file)
    opening = next((place for place, token in enumerate(tokens) if token.text == "("), len(tokens))
    found: dict[str, str] = {}
    for item in split_list(tokens, opening) if opening < len(tokens) else []:
        if len(item) > 1 and item[0].text == "+":
            found[folded(item[1].value)] = " ".join(token.text for token in item[2:])
    return found
