"""The plans of every statement of a generated package, as EXPLAIN QUERY PLAN tells them over the empty schema.

Without rows and without ANALYZE the planner goes by the schema alone, so a plan is the same on every machine with the
same SQLite; the text is not an interface (https://www.sqlite.org/eqp.html) and differs from version to version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..tokens import PARAMETER, Token, tokenize
from .statements import statements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from ..pipeline import Analysis

# SQLite counts the subqueries of a statement; another number for the same one says nothing.
_NUMBER = re.compile(r"(?<=SUBQUERY )\d+|(?<=subquery-)\d+|(?<=\bview-)\d+")


@dataclass(frozen=True, slots=True)
class Line:
    """A step of a plan: how deep it stands, and what SQLite says about it."""

    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one statement. name: `module.function`, with an addition where a function has several, as in
    `documents.page_after`. file, line, column: of the query, or of the table that it is generated for. kind: query, or
    that of the table."""

    name: str
    file: str
    line: int
    column: int
    sql: str
    tokens: Sequence[Token]
    lines: tuple[Line, ...]
    kind: str = "query"

    @property
    def text(self) -> str:
        """The plan as the file of plans has it."""
        return "".join(f"{'    ' * (line.depth + 1)}{line.text}\n" for line in self.lines)


def plans(analysis: Analysis) -> Iterator[Plan]:
    """The plans of everything that is generated, in the order of modules and of the statements in them."""
    queries = {(query.module, f"_SQL_{query.name.upper()}"): query for query in analysis.queries}
    taken: set[str] = set()
    for module in analysis.package.modules:
        table = analysis.catalog.relation(module.table) if module.table else None
        for constant, sql in statements(module):
            # A variant of a query has a number behind two underscores.
            query = queries.get((module.name, constant)) or queries.get((module.name, constant.rpartition("__")[0]))
            kind = "query"
            if query is not None:
                place = (query.statement.file, query.token.line, query.token.column)
            elif table is not None:
                place, kind = (table.file, table.line, 0), table.kind
            else:
                continue
            name = f"{module.name}.{_function(constant)}"
            while name in taken:  # a query `page_after` beside the second statement of `page`
                name += "_2"
            taken.add(name)
            yield plan(analysis.connection, name, place, sql, kind)


def plan(connection: sqlite3.Connection, name: str, place: tuple[str, int, int], sql: str, kind: str = "query") -> Plan:
    """The plan of one statement over the schema that `connection` holds; without lines where SQLite refuses it."""
    tokens = tokenize(sql, place[0])
    return Plan(name, *place, sql, tokens, _explain(connection, sql, tokens), kind)


def _explain(connection: sqlite3.Connection, sql: str, tokens: Sequence[Token]) -> tuple[Line, ...]:
    parameters = [token for token in tokens if token.kind == PARAMETER]
    values: object = {token.value: None for token in parameters}
    if any(token.text == "?" for token in parameters):
        values = (None,) * len(parameters)
    depths: dict[int, int] = {0: -1}
    lines: list[Line] = []
    for number, parent, _, text in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values):  # type: ignore[arg-type]
        depths[number] = depths[parent] + 1
        lines.append(Line(depths[number], re.sub(r"  +", " ", _NUMBER.sub("", text)).replace("-)", ")").strip()))
    return tuple(lines)


def _function(constant: str) -> str:
    return constant.removeprefix("_SQL_").lstrip("_").lower()
