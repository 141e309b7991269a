"""Which look-ups the keys and indexes of a table can serve, and in which order each gives its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..types.typemap import column_type
from .orders import Order, column_term, tie_broken

if TYPE_CHECKING:
    from ..reading.catalog import Index, Table


@dataclass(frozen=True, slots=True)
class LookUp:
    """Equality on `columns`, served by an index. unique: at most one row. order: of the rows; None where the rows have
    no places of their own."""

    columns: tuple[str, ...]
    unique: bool
    order: Order | None


@dataclass(frozen=True, slots=True)
class Usable:
    """An index that serves look-ups: whole, over columns by their own collations. descending: for each column."""

    columns: tuple[str, ...]
    descending: tuple[bool, ...]
    unique: bool


def usable(table: Table, index: Index) -> Usable | None:
    """The index if look-ups can use it. One over JSON serves none: equal values can be stored as different texts."""
    names = tuple(name for name in index.columns if name is not None)
    own = all(
        term.column is not None and term.collation.upper() == table.column(term.column).collation.upper()
        for term in index.terms
    )
    if index.where or len(names) != len(index.columns) or not names or not (own if index.terms else index.plain):
        return None
    if any(column_type(table.column(name)).stored.kind in ("json", "plain_json") for name in names):
        return None
    descending = tuple(term.descending for term in index.terms) or (False,) * len(names)
    return Usable(names, descending, index.unique)


def look_ups(table: Table) -> tuple[LookUp, ...]:
    """All of a table but the one by its whole primary key: each index and each proper prefix of one, each set of
    columns once."""
    candidates: dict[tuple[str, ...], tuple[int, LookUp]] = {}
    for index in table.indexes:
        found = usable(table, index)
        if found is None:
            continue
        for width in range(len(found.columns), 0, -1):
            whole = width == len(found.columns)
            if whole and found.columns == table.key:
                continue
            one = _look_up(table, found, width)
            rank = 0 if whole and found.unique else 1 if whole else 2 + len(found.columns) - width
            known = candidates.get(one.columns)
            if known is None or rank < known[0]:
                candidates[one.columns] = (rank, one)
    return tuple(candidates[names][1] for names in sorted(candidates, key=lambda names: _place(table, names)))


def unique_keys(table: Table) -> list[tuple[str, ...]]:
    """The unique keys that rows are written with, beside the primary key: those of constraints before indexes."""
    found = [usable(table, index) for index in table.indexes if index.unique and index.origin != "pk"]
    generated = {column.name for column in table.columns if column.generated}
    return [one.columns for one in found if one is not None and generated.isdisjoint(one.columns)]


def _place(table: Table, names: tuple[str, ...]) -> tuple[int, ...]:
    order = [column.name for column in table.columns]
    return tuple(order.index(name) for name in names)


def _look_up(table: Table, index: Usable, width: int) -> LookUp:
    rest = index.columns[width:]
    if width == len(index.columns) and index.unique:
        return LookUp(index.columns, True, None)
    terms = tuple(
        column_term(table, name, descending=descending)
        for name, descending in zip(rest, index.descending[width:], strict=True)
    )
    # NULLs are distinct for UNIQUE: where a column can hold one, several rows share a place.
    if index.unique and all(table.column(name).not_null for name in index.columns):
        return LookUp(index.columns[:width], False, Order(terms, rest))
    return LookUp(index.columns[:width], False, tie_broken(table, terms, columns=rest))
