"""The plans of every statement of a generated package, as EXPLAIN QUERY PLAN tells them over the empty schema.

Without rows and without ANALYZE the planner goes by the schema alone, so a plan is the same on every machine with the
same SQLite; the text is not an interface (https://www.sqlite.org/eqp.html) and differs from version to version.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..reading.tokens import PARAMETER, Token, tokenize
from .statements import statements

if TYPE_CHECKING:
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
    """The plan of one statement. object: `module.function`. name: the same, with an addition where a function has
    several statements, as in `documents.page_after`, and a number for a variant of a query. file, line, column: of the
    query, or of the table that it is generated for. kind: query, or that of the table. error: what SQLite says where it
    refuses the statement."""

    object: str
    name: str
    file: str
    line: int
    column: int
    sql: str
    tokens: Sequence[Token]
    kind: str = "query"
    lines: tuple[Line, ...] = ()
    error: str = ""

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
            base, _, variant = constant.rpartition("__")  # as in _SQL_FIND__3
            query = queries.get((module.name, constant))
            if query is None and variant.isdecimal():
                query = queries.get((module.name, base))
            if query is not None:
                place, kind = (query.statement.file, query.token.line, query.token.column), "query"
                called = f"{module.name}.{query.name}"
                name = f"{called} {variant}" if constant != f"_SQL_{query.name.upper()}" else called
            elif table is not None:
                place, kind = (table.file, table.line, 0), table.kind
                called = name = f"{module.name}.{constant.lstrip('_').lower()}"
            else:
                continue
            while name in taken:  # a query `page_after` beside the second statement of `page`
                name += "_2"
            taken.add(name)
            yield explained(analysis.connection, plan(called, name, place, sql, kind))


def plan(called: str, name: str, place: tuple[str, int, int], sql: str, kind: str = "query") -> Plan:
    """A statement whose plan is not known yet."""
    return Plan(called, name, *place, sql, tokenize(sql, place[0]), kind)


def explained(connection: sqlite3.Connection, made: Plan) -> Plan:
    """The same with the plan over the schema that `connection` holds now."""
    parameters = [token for token in made.tokens if token.kind == PARAMETER]
    values: object = {token.value: None for token in parameters}
    if any(token.text == "?" for token in parameters):
        values = (None,) * len(parameters)
    depths: dict[int, int] = {0: -1}
    lines: list[Line] = []
    try:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {made.sql}", values).fetchall()  # type: ignore[arg-type]
    except sqlite3.Error as error:
        return replace(made, lines=(), error=str(error))
    for number, parent, _, text in rows:
        depths[number] = depths[parent] + 1
        lines.append(Line(depths[number], re.sub(r"  +", " ", _NUMBER.sub("", text)).replace("-)", ")").strip()))
    return replace(made, lines=tuple(lines))
