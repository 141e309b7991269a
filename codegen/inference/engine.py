"""The parts of the analysis together: one statement over one catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reading.definitions import stored_tokens
from ..reading.tokens import folded
from ..syntax import SyntaxNotRead, parse_view
from .expressions import value_of
from .relations import common_source, function_columns, own_table, renamed, table_columns, table_source
from .scopes import CommonTables, Context, Facts, OutputColumn, Source
from .selects import columns_of, facts_of_a_row, gives_a_row
from .values import NOTHING, Value

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from ..reading.catalog import Catalog, Table
    from ..syntax.nodes import Expression, Result, Select


class Engine:
    """See `scopes.Work`. sql, offset: the text of the statement and where it begins in its file. given: the values of
    parameters as far as they are known; `name[]` are the items of a list. views: the
    columns of views and tables that were met already."""

    def __init__(
        self,
        catalog: Catalog,
        connection: sqlite3.Connection,
        sql: str,
        offset: int,
        given: Mapping[str, Value],
        views: dict[str, Sequence[OutputColumn]],
    ) -> None:
        self.catalog = catalog
        self.given = given
        self._connection = connection
        self._sql = sql
        self._offset = offset
        self._views = views

    def value(self, expression: Expression, context: Context) -> Value:
        return value_of(expression, context, self)

    def columns(self, select: Select, context: Context | None, tables: CommonTables | None) -> Sequence[OutputColumn]:
        """The columns of a subquery, each under a name of its own."""
        return renamed(columns_of(select, context, tables, self), None)

    def result(self, select: Select) -> Sequence[OutputColumn]:
        """The columns of the whole statement, named as they stand."""
        return columns_of(select, None, None, self)

    def gives_a_row(self, select: Select, context: Context | None) -> bool:
        return gives_a_row(select, context, self)

    def facts_of_a_row(self, select: Select, context: Context) -> Facts:
        return facts_of_a_row(select, context, self)

    def text(self, result: Result) -> str:
        return self._sql[result.span.start - self._offset : result.span.end - self._offset]

    def function_columns(self, name: str) -> Sequence[OutputColumn]:
        return function_columns(name, self._connection)

    def relation(self, name: str, context: Context | None, tables: CommonTables | None) -> Source | None:
        found = common_source(name, tables, self)
        if found is not None:
            return found
        table = self.catalog.relation(name)
        if table is None:
            return own_table(name)
        key = folded(table.name)
        if table.kind == "view":
            return Source(folded(name), table, self.view(table))
        if key not in self._views:
            self._views[key] = table_columns(table)
        return table_source(table, self._views[key])

    def view(self, view: Table) -> Sequence[OutputColumn]:
        """The columns of a view: what its SELECT gives, under the view's names."""
        key = folded(view.name)
        if key not in self._views:
            # Only for as long as it is being found out: SQLite lets no view read itself.
            self._views[key] = _unknown(view)
            self._views[key] = self._analysed(view)
        return self._views[key]

    def _analysed(self, view: Table) -> Sequence[OutputColumn]:
        try:
            node = parse_view(stored_tokens(view.sql, view.file))
        except SyntaxNotRead:
            return _unknown(view)
        inner = Engine(self.catalog, self._connection, view.sql, 0, {}, self._views)
        found = columns_of(node.select, None, None, inner)
        names = tuple(one.name for one in view.columns)
        return renamed(found, names) if len(found) == len(names) else _unknown(view)


def _unknown(view: Table) -> tuple[OutputColumn, ...]:
    return tuple(OutputColumn(one.name, NOTHING) for one in view.columns)
