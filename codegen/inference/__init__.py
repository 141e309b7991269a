"""The types of a statement's result columns and parameters. Sound first: a column that can be NULL is never said to be
NOT NULL, and what is not certain is not known; then exact.

Read engine.py first. `syntax` makes a tree of the statement; joins.py makes a scope of a FROM; selects.py finds the
contexts in which expressions stand, and conditions.py what is not NULL in them; expressions.py and its sisters find the
value of each expression; parameters.py goes through the whole once more and notes what it says about parameters.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..reading.tokens import PARAMETER, folded
from ..syntax import SyntaxNotRead, parse
from ..syntax.nodes import Core, Select
from .changes import change
from .engine import Engine
from .parameters import Visitor
from .result import FromItem, Inference, InferredParameter, ResultColumn
from .scopes import CommonTables
from .selects import analyse, gives_one_row
from .values import Value, of_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..reading.catalog import Catalog, Table
    from ..reading.tokens import Statement
    from ..syntax import Statement as Tree
    from ..types.typemap import Type
    from .scopes import OutputColumn

__all__ = ["FromItem", "Inference", "InferredParameter", "ResultColumn", "infer", "view_columns"]

# The kinds whose values are in a JSON list what they are in a column.
_IN_LISTS = ("integer", "real", "text", "plain_text", "choice", "flag", "moment")


def infer(
    statement: Statement,
    catalog: Catalog,
    connection: sqlite3.Connection,
    annotated: Mapping[str, Type] = MappingProxyType({}),
) -> Inference:
    """What a statement gives and takes. connection: holds the schema; the statement has been prepared on it. One that
    the parser does not read has columns and parameters of no known type. annotated: the types of parameters that are
    known from elsewhere, for the expressions that they stand in."""
    names = tuple(dict.fromkeys(token.value for token in statement.tokens if token.kind == PARAMETER))
    try:
        tree = parse(statement.tokens)
        return _Inferring(statement, tree, catalog, connection, names).run(annotated)
    except (SyntaxNotRead, RecursionError):
        return _unread(statement, connection, names)


def view_columns(view: Table, catalog: Catalog, connection: sqlite3.Connection) -> tuple[ResultColumn, ...]:
    """The columns of a view with their types."""
    engine = Engine(catalog, connection, view.sql, 0, {}, {})
    return tuple(_column(one) for one in engine.view(view))


class _Inferring:
    def __init__(
        self,
        statement: Statement,
        tree: Tree,
        catalog: Catalog,
        connection: sqlite3.Connection,
        names: tuple[str, ...],
    ) -> None:
        self._statement = statement
        self._tree = tree
        self._catalog = catalog
        self._connection = connection
        self._names = names
        self._views: dict[str, Sequence[OutputColumn]] = {}

    def run(self, annotated: Mapping[str, Type]) -> Inference:
        columns, parameters, sources = self._pass({})
        if parameters:
            # Once more, with what the uses of the parameters say about expressions that they stand in.
            known = {name: of_type(one) for name, one in annotated.items()}
            columns, parameters, sources = self._pass(_given(parameters) | known)
        width = _width(self._statement, self._tree, self._connection, self._names)
        if width is not None and width != len(columns):
            return _unread(self._statement, self._connection, self._names)
        work = self._engine({})
        one_row = isinstance(self._tree, Select) and gives_one_row(self._tree, work)
        return Inference(tuple(map(_column, columns)), parameters, one_row, sources)

    def _pass(
        self, given: Mapping[str, Value]
    ) -> tuple[Sequence[OutputColumn], tuple[InferredParameter, ...], Mapping[str, FromItem]]:
        work = self._engine(given)
        visitor = Visitor(work)
        if not isinstance(self._tree, Select):
            columns = change(self._tree, visitor)
            return columns, visitor.uses.parameters(self._names), {}
        visitor.select(self._tree, None, None)
        return work.result(self._tree), visitor.uses.parameters(self._names), self._sources(work)

    def _engine(self, given: Mapping[str, Value]) -> Engine:
        return Engine(self._catalog, self._connection, self._statement.sql, self._statement.start, given, self._views)

    def _sources(self, work: Engine) -> Mapping[str, FromItem]:
        tree = self._tree
        if not isinstance(tree, Select) or len(tree.arms) > 1 or not isinstance(tree.arms[0][1], Core):
            return {}
        tables = CommonTables({folded(one.name): one for one in tree.tables}, None, None)
        context = analyse(tree.arms[0][1], None, tables, work).given
        return {
            one.name: FromItem(one.name, one.table, context.missing(one) or context.vanished)
            for one in reversed(context.scope.sources)
        }


def _given(parameters: Sequence[InferredParameter]) -> dict[str, Value]:
    found = {}
    for one in parameters:
        kind = one.type
        if kind is None:
            continue
        if not one.many:
            found[one.name] = of_type(kind)
        elif kind.kind in _IN_LISTS:
            found[f"{one.name}[]"] = of_type(replace(kind, nullable=False))
    return found


def _column(column: OutputColumn) -> ResultColumn:
    return ResultColumn(column.name, column.value.type, column.value.origin, column.source)


def _described(statement: Statement, connection: sqlite3.Connection, names: Sequence[str]) -> list[str] | None:
    """The names of a SELECT's columns by SQLite; None for another statement, or where it cannot be asked."""
    try:
        cursor = connection.execute(f"SELECT * FROM ({statement.sql}\n) LIMIT 0", dict.fromkeys(names))
    except sqlite3.Error:
        return None
    return [one[0] for one in cursor.description or ()]


def _width(statement: Statement, tree: Tree, connection: sqlite3.Connection, names: Sequence[str]) -> int | None:
    found = _described(statement, connection, names) if isinstance(tree, Select) else None
    return None if found is None else len(found)


def _unread(statement: Statement, connection: sqlite3.Connection, names: Sequence[str]) -> Inference:
    columns = tuple(ResultColumn(name, None) for name in _described(statement, connection, names) or ())
    parameters = tuple(InferredParameter(name, None, "", name, reason="cannot be inferred") for name in names)
    return Inference(columns, parameters, False, {})
