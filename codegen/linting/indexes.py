"""Indexes that repeat what another one, or a constraint, does already: each costs space and time in every write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reading.tokens import COMMENT, STRING, folded, tokenize
from .findings import Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reading.catalog import Catalog, Index, Table, Term

DUPLICATE = Rule(
    "duplicate-index",
    "an index with the same terms, collations, order and WHERE as another index, a constraint or the rowid",
    "SQLite keeps both up to date and uses one",
    "https://www.sqlite.org/lang_createtable.html#unique_constraints",
)
PREFIX = Rule(
    "prefix-index",
    "an index whose terms are the first ones of another index or constraint, in the same order",
    "the longer one serves the same look-ups and orders; a UNIQUE index is never told of, for it is a rule too",
    "https://www.sqlite.org/queryplanner.html#_multi_column_indices",
)

_Key = tuple[tuple[str, str, bool], ...]


def check(catalog: Catalog) -> Iterator[Finding]:
    """The findings of both rules."""
    for table in catalog.tables:
        for index in table.indexes:
            if index.origin == "c":
                yield from _of_index(table, index)


def _of_index(table: Table, index: Index) -> Iterator[Finding]:
    place = (index.file or table.file, index.line)
    if table.rowid_column and [_term(one) for one in index.terms] == [(_name(table.rowid_column), "BINARY", False)]:
        if not index.where:
            message = f"the index {index.name} repeats the rowid: {table.name}.{table.rowid_column} is its name"
            yield Finding(*place, 0, DUPLICATE.name, index.name, message, f"DROP INDEX {index.name}")
        return
    own, where = _key(index), _words(index.where)
    for other in table.indexes:
        if other is index or _words(other.where) != where or not own:
            continue
        theirs = _key(other)
        if own == theirs and _gives_way(index, other):
            message = f"the index {index.name} repeats {_called(table, other)}"
            yield Finding(*place, 0, DUPLICATE.name, index.name, message, f"drop {index.name}")
            return
    for other in table.indexes:
        theirs = _key(other)
        longer = len(own) < len(theirs) and theirs[: len(own)] == own
        if longer and not index.unique and _words(other.where) == where:
            message = f"the index {index.name} is the beginning of {_called(table, other)}"
            yield Finding(*place, 0, PREFIX.name, index.name, message, f"drop {index.name}")
            return


def _gives_way(index: Index, other: Index) -> bool:
    """Which of two equal indexes is the one to drop: never one that alone makes a rule, else the later one."""
    if index.unique != other.unique:
        return other.unique
    return other.origin != "c" or (other.file, other.line, other.name) < (index.file, index.line, index.name)


def _key(index: Index) -> _Key:
    return tuple(map(_term, index.terms))


def _term(term: Term) -> tuple[str, str, bool]:
    name = _name(term.column) if term.column is not None else f"({_words(term.expression)})"
    return name, term.collation.upper(), term.descending


def _name(column: str) -> str:
    return folded(column)


def _words(sql: str) -> str:
    """An expression without what makes no difference: white space, comments, the case of its words."""
    tokens = [token for token in tokenize(sql, "") if token.kind != COMMENT]
    return " ".join(token.text if token.kind == STRING else token.text.lower() for token in tokens)


def _called(table: Table, index: Index) -> str:
    """What an error calls an index: a constraint's has no name that anyone knows."""
    columns = ", ".join(term.column or term.expression for term in index.terms)
    if index.origin == "c":
        return f"the {'unique ' if index.unique else ''}index {index.name} ({columns})"
    return f"{'PRIMARY KEY' if index.origin == 'pk' else 'UNIQUE'} ({columns}) of {table.name}"
