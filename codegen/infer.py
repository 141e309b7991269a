"""The types of a named query's parameters and result columns. Small and sound: what is not certain is nullable, and
what is not known must be annotated.

A result column that is a column of a table, wherever it passed through, is found by SQLite itself: over shadow tables
whose columns each have a declared type of their own, a view of the query tells where its columns come from.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from . import sqltext
from .definitions import split_list
from .inference.result import ResultColumn
from .tokens import PARAMETER, STRING, Token
from .typemap import Type, column_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .catalog import Catalog, Column, Table
    from .tokens import Statement

_ORIGIN = "ORIGIN"
_BOTH_SIDES = ("RIGHT", "FULL")
_COMPOUND = ("UNION", "INTERSECT", "EXCEPT", "VALUES")
_AGGREGATES = frozenset(
    "avg count group_concat max min string_agg sum total json_group_array json_group_object".split()
)
_AFTER_FROM = ("WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "WINDOW")


@dataclass(frozen=True, slots=True)
class Touched:
    """A statement and what it touches, views included, as SQLite's authorizer reports it. writes: it needs a Writer."""

    statement: Statement
    writes: bool
    tables: tuple[str, ...]


def shadow(catalog: Catalog) -> sqlite3.Connection:
    """A `:memory:` database with the catalog's tables, each column's declared type saying which it is."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for place, table in enumerate(catalog.tables):
        columns = [
            f"{sqltext.quote(column.name)} {_ORIGIN}_{place}_{number}" for number, column in enumerate(table.columns)
        ]
        connection.execute(f"CREATE TABLE {sqltext.quote(table.name)} ({', '.join(columns)})")
    return connection


def result_columns(query: Touched, catalog: Catalog, shadows: sqlite3.Connection) -> tuple[ResultColumn, ...]:
    """The result columns of a statement; none for one without rows. Raises GenerationError."""
    tokens = query.statement.tokens
    if not query.writes:
        found = _selected(query, catalog, shadows)
    else:
        returning = _top_level(tokens, "RETURNING")
        found = [] if returning is None else _returned(query, catalog, tokens[returning + 1 :])
    names = [name for name, _, _ in found]
    # A view calls the second column of a name `name:1`.
    names = [name[:-2] if name[:-2] in names and name[-2:-1] == ":" else name for name in names]
    return tuple(ResultColumn(name, kind, origin) for name, (_, kind, origin) in zip(names, found, strict=True))


_Found = list[tuple[str, "Type | None", "tuple[Table, Column] | None"]]


def _selected(query: Touched, catalog: Catalog, shadows: sqlite3.Connection) -> _Found:
    tokens = query.statement.tokens
    sql = "".join(_without_parameters(query))
    shadows.execute("SAVEPOINT query")
    try:
        shadows.execute(f"CREATE TEMP VIEW query AS {sql}")
        described = shadows.execute("SELECT name, type FROM pragma_table_xinfo('query')").fetchall()
    except sqlite3.Error as error:
        # The statement is right over the real schema: it uses what the shadow has not, such as a view or an FTS table.
        raise query.statement.error(
            f"its result columns cannot be found out: {error}", hint="query tables, not views or virtual tables"
        ) from None
    finally:
        shadows.execute("ROLLBACK TO query")
        shadows.execute("RELEASE query")
    compound = any(token.is_word(*_COMPOUND) for token in tokens)
    items = _select_items(tokens)
    certain = _rows_are_whole(tokens, items)
    direct = _direct(items, len(described))
    joined = _left_joined(tokens, catalog)
    found: _Found = []
    for place, (name, declared) in enumerate(described):
        origin = None if compound else _origin(catalog, declared)
        if origin is not None:
            kind = column_type(origin[1])
            sure = certain and direct[place] and origin[0].name not in joined
            if not sure:
                kind = Type(kind.kind, True, kind.choices)
            found.append((name, kind, origin if sure else None))
        else:
            item = items[place] if len(items) == len(described) and not compound else []
            is_rowid = certain and direct[place] and declared == "INTEGER" and not joined
            found.append((name, Type("integer", False) if is_rowid else _expression(item), None))
    return found


def _without_parameters(query: Touched) -> list[str]:
    parts, end = [], 0
    for token in query.statement.tokens:
        if token.kind == PARAMETER:
            start = token.start - query.statement.start
            parts += [query.statement.sql[end:start], "NULL"]
            end = start + len(token.text)
    return [*parts, query.statement.sql[end:]]


def _origin(catalog: Catalog, declared: str) -> tuple[Table, Column] | None:
    words = declared.split("_")
    if len(words) != 3 or words[0] != _ORIGIN:
        return None
    table = catalog.tables[int(words[1])]
    return table, table.columns[int(words[2])]


def _top_level(tokens: Sequence[Token], *words: str) -> int | None:
    """The place of the first of these words outside parentheses."""
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.is_word(*words):
            return place
    return None


def _select_items(tokens: Sequence[Token]) -> list[list[Token]]:
    """The items of the outermost select list."""
    start = _top_level(tokens, "SELECT")
    if start is None:
        return []
    rest = list(tokens[start + 1 :])
    end = _top_level(rest, "FROM", *_AFTER_FROM)
    rest = rest[:end]
    while rest and rest[0].is_word("DISTINCT", "ALL"):
        rest = rest[1:]
    opening = Token("operator", "(", 0, 0, 0)
    closing = Token("operator", ")", 0, 0, 0)
    return split_list([opening, *rest, closing], 0)


def _rows_are_whole(tokens: Sequence[Token], items: Sequence[Sequence[Token]]) -> bool:
    """Whether a NOT NULL column is never NULL in the result but by a LEFT JOIN: no other outer join, no SELECT that
    feeds the outermost one, no aggregate over what may be no rows."""
    if any(token.is_word(*_BOTH_SIDES) for token in tokens):
        return False
    start = _top_level(tokens, "SELECT") or 0
    end = _top_level(tokens[start:], *_AFTER_FROM)
    feeding = tokens[: len(tokens) if end is None else start + end]
    if sum(token.is_word("SELECT") for token in feeding) != 1:
        return False
    aggregate = any(
        token.kind == "word" and token.text.lower() in _AGGREGATES and after.text == "("
        for item in [*items, list(tokens[start:][end:] if end is not None else [])]
        for token, after in pairwise(item)
    )
    return not aggregate or _top_level(tokens, "GROUP") is not None


def _left_joined(tokens: Sequence[Token], catalog: Catalog) -> set[str]:
    """The tables that may be missing from a row: those named at or behind the first LEFT JOIN."""
    first = next((place for place, token in enumerate(tokens) if token.is_word("LEFT", "NATURAL")), None)
    if first is None:
        return set()
    return {table.name for token in tokens[first:] if token.is_name and (table := catalog.table(token.value))}


def _direct(items: Sequence[Sequence[Token]], width: int) -> list[bool]:
    """For each result column whether it is a bare reference to a column."""
    if any(item and item[-1].text == "*" for item in items):
        # A star stands for an unknown number of columns: certain only where every item is a reference or a star.
        every = all(_is_reference(item) or item[-1].text == "*" for item in items)
        return [every] * width
    return [_is_reference(item) for item in items] if len(items) == width else [False] * width


def _is_reference(item: Sequence[Token]) -> bool:
    item = _unaliased(item)
    names = item[::2]
    return (
        len(item) in (1, 3)
        and all(token.is_name and token.kind != STRING for token in names)
        and all(token.text == "." for token in item[1::2])
    )


def _unaliased(item: Sequence[Token]) -> Sequence[Token]:
    if len(item) > 2 and item[-2].is_word("AS"):
        return item[:-2]
    if len(item) > 1 and item[-1].is_name and (item[-2].is_name or item[-2].text == ")"):
        return item[:-1]
    return item


def _expression(item: Sequence[Token]) -> Type | None:
    """The type of a result expression: `count(…)` is an int, `total(…)` a float, never NULL; nothing else is known."""
    item = _unaliased(item)
    if len(item) < 3 or item[1].text != "(" or item[-1].text != ")":
        return None
    depth = 0
    for place, token in enumerate(item[1:], 1):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and place < len(item) - 1:
            return None
    return {"count": Type("integer", False), "total": Type("real", False)}.get(item[0].text.lower())


def _returned(query: Touched, catalog: Catalog, tokens: Sequence[Token]) -> _Found:
    table = target_table(query, catalog)
    opening = Token("operator", "(", 0, 0, 0)
    closing = Token("operator", ")", 0, 0, 0)
    found: _Found = []
    for item in split_list([opening, *tokens, closing], 0):
        bare = _unaliased(item)
        if len(bare) == 1 and bare[0].text == "*" and table is not None:
            found += [(column.name, column_type(column), (table, column)) for column in table.columns]
            continue
        column = None
        if table is not None and len(bare) == 1 and bare[0].is_name:
            column = next((one for one in table.columns if bare[0].same_name(one.name)), None)
        alias = item[-1].value if len(item) > 1 and item[-1].is_name else ""
        if column is not None and table is not None:
            found.append((alias or column.name, column_type(column), (table, column)))
        elif alias:
            found.append((alias, None, None))
        else:
            raise query.statement.error(
                "a RETURNING expression has no name", item[0] if item else None, "give it one with AS"
            )
    return found


def target_table(query: Touched, catalog: Catalog) -> Table | None:
    """The table that a writing statement changes."""
    tokens = query.statement.tokens
    place = _top_level(tokens, "INTO", "UPDATE", "FROM")
    if place is None:
        return None
    rest = tokens[place + 1 :]
    if rest and rest[0].is_word("OR"):
        rest = rest[2:]
    return catalog.table(rest[0].value) if rest else None
