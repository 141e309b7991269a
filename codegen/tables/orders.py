"""The orders of rows in which generated code pages and iterates: an index's own, ties broken as the index breaks them.

An order may descend, mix directions and hold NULLs: the generated `Order` then reads it range by range, each range one
search of the index. A row-value comparison (https://www.sqlite.org/rowvalue.html) knows one direction and no NULL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import sqltext

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reading.catalog import Table


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """A term of ORDER BY. bound: the SQL of the value that a place has in it, made of so many `values`."""

    sql: str
    descending: bool = False
    nullable: bool = False
    bound: str = "?"
    values: int = 1

    @property
    def by(self) -> str:
        """As ORDER BY has it."""
        return f"{self.sql} DESC" if self.descending else self.sql


@dataclass(frozen=True, slots=True)
class Order:
    """An order in which every row has a place of its own.

    place: the columns of a row that make its place. rowid: where the last value of the place, the rowid, comes from:
    "" (the place has none), "key" (a statement finds it by the key), "row" (it is read behind the columns).
    """

    terms: tuple[OrderTerm, ...]
    place: tuple[str, ...]
    rowid: str = ""

    @property
    def by(self) -> str:
        """The ORDER BY clause."""
        return f"ORDER BY {', '.join(term.by for term in self.terms)}"


def column_term(table: Table, name: str, *, descending: bool = False) -> OrderTerm:
    """The term of a column."""
    return OrderTerm(sqltext.quote(name), descending, not table.column(name).not_null)


def key_order(table: Table) -> Order | None:
    """The order of the primary key, in the directions of its index; None without one or where it can hold NULL."""
    if not table.key or not keeps_places(table):
        return None
    index = next((one for one in table.indexes if one.origin == "pk"), None)
    down = {term.column: term.descending for term in index.terms} if index else {}
    terms = tuple(column_term(table, name, descending=down.get(name, False)) for name in table.key)
    return Order(terms, table.key)


def keeps_places(table: Table) -> bool:
    """Whether the key tells every row from the others, which NULLs do not."""
    return bool(table.key) and all(table.column(name).not_null for name in table.key)


def storage_order(table: Table) -> Order | None:
    """The order in which SQLite keeps the rows, read without an index; None where there is none with a place for each
    row: all three names of the rowid are hidden, and the key, if any, can be NULL."""
    if table.rowid is None or table.rowid_column is not None:
        return key_order(table)
    return tie_broken(table, ())


def tie_broken(table: Table, terms: Sequence[OrderTerm], *, columns: Sequence[str] = ()) -> Order | None:
    """The order of these terms over `columns`, ties broken as an index breaks them: by rowid, or by the key of a
    WITHOUT ROWID table."""
    if table.rowid is None or table.rowid_column is not None:
        own = key_order(table)
        if own is None:
            return None
        rest = [(term, name) for term, name in zip(own.terms, own.place, strict=True) if name not in columns]
        return Order((*terms, *(term for term, _ in rest)), (*columns, *(name for _, name in rest)))
    if not keeps_places(table):
        return Order((*terms, OrderTerm(table.rowid)), tuple(columns), rowid="row")
    found = f"SELECT {table.rowid} FROM {sqltext.quote(table.name)} WHERE {sqltext.equal(table.key)}"
    by_key = OrderTerm(table.rowid, bound=f"coalesce(({found}), ?)", values=len(table.key) + 1)
    return Order((*terms, by_key), (*columns, *table.key), rowid="key")
