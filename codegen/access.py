"""Which look-ups the keys and indexes of a table can serve, and in which order each gives its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import sqltext
from .typemap import column_type

if TYPE_CHECKING:
    from .catalog import Index, Table


@dataclass(frozen=True, slots=True)
class Order:
    """An order of rows that an index gives, so that a page can go on after its last row.

    by: the ORDER BY terms. bounds: the SQL of the place after which the next page begins, one a term. place: the
    columns of the last row that make its place. rowid: the place also holds the row's rowid.
    """

    by: tuple[str, ...]
    bounds: tuple[str, ...]
    place: tuple[str, ...]
    rowid: bool = False


@dataclass(frozen=True, slots=True)
class LookUp:
    """Equality on `columns`, served by an index. unique: at most one row. order: None where no order of the index can
    be paged through (a NULL has no place in a comparison)."""

    columns: tuple[str, ...]
    unique: bool
    listing: tuple[str, ...]
    order: Order | None


def look_ups(table: Table) -> tuple[LookUp, ...]:
    """All of a table but the one by its whole primary key: each index and each proper prefix of one, each set of
    columns once. An index over JSON serves none: equal values can be stored as different texts."""
    candidates: dict[tuple[str, ...], tuple[int, LookUp]] = {}
    for index in table.indexes:
        names = tuple(name for name in index.columns if name is not None)
        if not index.plain or not names:
            continue
        if any(column_type(table.column(name)).kind in ("json", "plain_json") for name in names):
            continue
        for width in range(len(names), 0, -1):
            whole = width == len(names)
            if whole and names == table.key:
                continue
            one = _look_up(table, names, width, index)
            rank = 0 if whole and index.unique else 1 if whole else 2 + len(names) - width
            known = candidates.get(one.columns)
            if known is None or rank < known[0]:
                candidates[one.columns] = (rank, one)
    return tuple(candidates[names][1] for names in sorted(candidates, key=lambda names: _place(table, names)))


def _place(table: Table, names: tuple[str, ...]) -> tuple[int, ...]:
    order = [column.name for column in table.columns]
    return tuple(order.index(name) for name in names)


def _look_up(table: Table, names: tuple[str, ...], width: int, index: Index) -> LookUp:
    rest = names[width:]
    if width == len(names) and index.unique:
        return LookUp(names, True, (), None)
    # NULLs are distinct for UNIQUE: where a column can hold one, several rows share a place.
    unique = index.unique and all(table.column(name).not_null for name in names)
    pageable = all(table.column(name).not_null for name in rest)
    order = tie_broken(table, rest, unique=unique) if pageable else None
    terms = [sqltext.quote(name) for name in rest]
    if not unique:
        terms += _tie_terms(table, names)
    return LookUp(names[:width], False, tuple(terms), order)


def _tie_terms(table: Table, names: tuple[str, ...]) -> list[str]:
    if table.rowid_column is not None:
        return [sqltext.quote(table.rowid_column)]
    if table.rowid is not None:
        return [table.rowid]
    return [sqltext.quote(name) for name in table.key if name not in names]


def key_order(table: Table) -> Order | None:
    """The order of the primary key; None without one or where it can hold NULL."""
    if not table.key or not all(table.column(name).not_null for name in table.key):
        return None
    terms = tuple(sqltext.quote(name) for name in table.key)
    return Order(terms, ("?",) * len(terms), table.key)


def storage_order(table: Table) -> Order | None:
    """The order in which SQLite keeps the rows, read without an index; None where no place in it lasts."""
    if table.rowid is None or table.rowid_column is not None:
        return key_order(table)
    return tie_broken(table, (), unique=False)


def tie_broken(table: Table, rest: tuple[str, ...], *, unique: bool) -> Order | None:
    """The order of the columns that follow an index's prefix, ties broken as the index itself breaks them: by rowid, or
    by the key of a WITHOUT ROWID table. None where no place in it lasts: a rowid alone may change with VACUUM."""
    terms = tuple(sqltext.quote(name) for name in rest)
    marks = ("?",) * len(rest)
    if unique and rest:
        return Order(terms, marks, rest)
    if not table.key or not all(table.column(name).not_null for name in table.key):
        return None
    if table.rowid is None or table.rowid_column is not None:
        tail = tuple(name for name in table.key if name not in rest)
        return Order(terms + tuple(sqltext.quote(name) for name in tail), marks + ("?",) * len(tail), (*rest, *tail))
    found = f"SELECT {table.rowid} FROM {sqltext.quote(table.name)} WHERE {sqltext.equal(table.key)}"
    return Order((*terms, table.rowid), (*marks, f"coalesce(({found}), ?)"), (*rest, *table.key), rowid=True)
