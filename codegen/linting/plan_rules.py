"""What is slow in a plan, and could be mended by an index or by another statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..reading.tokens import folded
from .findings import Finding, Rule
from .scopes import of_views, scopes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..reading.catalog import Catalog, Table
    from .plans import Line, Plan

SCAN = Rule(
    "full-scan",
    "a table that is read whole although a WHERE or a join asks for some of its rows",
    "its cost grows with the table; lists and counts of everything are not told of, nor an index read up to a LIMIT",
    "https://www.sqlite.org/eqp.html#table_and_index_scans",
)
SORT = Rule(
    "temporary-b-tree",
    "rows that are sorted, grouped or made distinct in a temporary B-tree",
    "all of them are read and kept before the first one comes out; an index in that order gives them at once",
    "https://www.sqlite.org/eqp.html#temporary_sorting_b_trees",
)
AUTOMATIC = Rule(
    "automatic-index",
    "an index that SQLite builds for one run of the statement and throws away",
    "it costs more than a scan, each time",
    "https://www.sqlite.org/optoverview.html#automatic_query_time_indexes",
)
CORRELATED = Rule(
    "correlated-subquery",
    "a subquery that runs once for each row",
    "it is right where the rows are few, or a search",
    "https://www.sqlite.org/eqp.html#subqueries",
    remark=True,
)

INVALID = Rule(
    "invalid-statement",
    "a generated statement that SQLite does not prepare",
    "its function would fail in each call",
    "",
)

_SCAN = re.compile(r"SCAN (?P<name>.+?)(?: USING (?:COVERING )?INDEX (?P<index>.+?))?(?: (?:LEFT|RIGHT|FULL)-JOIN)?")
_SORT = re.compile(r"USE TEMP B-TREE FOR (.+)")
_SEARCH = re.compile(r"SEARCH .+? USING (?:COVERING )?INDEX (.+?) \((.+)\)")
_AUTOMATIC = re.compile(r"SEARCH (.+?) USING AUTOMATIC (?:PARTIAL )?(?:COVERING )?INDEX \((.+)\).*")


def check(plan: Plan, catalog: Catalog) -> Iterator[Finding]:
    """The findings in one plan. Of what is generated for a view, its list alone is looked at, and only for loops in
    loops: the view's own conditions and groups are what it is for. No index mends the plans of virtual tables."""
    place = (plan.file, plan.line, plan.column)
    if plan.error:
        message = f"SQLite refuses a statement of {plan.object}: {plan.error}"
        yield Finding(*place, INVALID.name, plan.object, message, "this is a fault of the generator: report it")
    if plan.kind == "virtual" or (plan.kind == "view" and not plan.name.endswith(".list_all")):
        return
    for number, line in enumerate(plan.lines):
        if sort := _SORT.fullmatch(line.text):
            if plan.kind == "view" or _is_of_one_row(plan, catalog):
                continue
            hint = "an index that begins with the columns compared by = and goes on with these saves it"
            message = f"{plan.object} uses a temporary B-tree for {sort[1]}"
            yield Finding(*place, SORT.name, plan.object, message, hint)
        elif (automatic := _AUTOMATIC.fullmatch(line.text)) and (read := _read(plan, automatic[1], catalog)):
            columns = re.sub(r"=\?| AND", lambda found: "," if found[0] == " AND" else "", automatic[2])
            message = f"{plan.object} makes SQLite build an index of {read.called} ({columns}) each time it runs"
            yield Finding(
                *place, AUTOMATIC.name, plan.object, message, f"CREATE INDEX … ON {read.table.name} ({columns})"
            )
        elif line.text.startswith("CORRELATED "):
            message = f"{plan.object} runs a subquery for each row"
            yield Finding(*place, CORRELATED.name, plan.object, message)
        elif scan := _SCAN.fullmatch(line.text):
            message = _scanned(plan, number, scan["name"], scan["index"], catalog)
            if message:
                hint = "an index on the columns of the condition, or another condition, makes it a search"
                yield Finding(*place, SCAN.name, plan.object, f"{plan.object} {message}", hint)


def _is_of_one_row(plan: Plan, catalog: Catalog) -> bool:
    """Whether the only loop finds by all columns of a unique index: but for NULLs there is nothing to sort."""
    loops = [line for line in plan.lines if line.text.startswith(("SCAN ", "SEARCH "))]
    found = _SEARCH.fullmatch(loops[0].text) if len(loops) == 1 else None
    if found is None:
        return False
    indexes = [index for table in catalog.tables for index in table.indexes if index.name == found[1]]
    return any(index.unique and found[2].count("=?") == len(index.columns) for index in indexes)


@dataclass(frozen=True, slots=True)
class _Read:
    """A table that a statement reads. called: its name and the one it has in the statement. asked: a condition bears
    on it. limited: a LIMIT ends the reading."""

    table: Table
    called: str
    asked: bool
    limited: bool


def _read(plan: Plan, name: str, catalog: Catalog) -> _Read | None:
    """What a plan calls `name`; None for a CTE, a subquery, a virtual table."""
    name = folded(name.removeprefix("main."))
    own = scopes(plan.tokens)
    having = [scope for scope in own if name in scope.items]
    asked = any(scope.where for scope in having)
    if not having:  # SQLite melts a view into the statement: its tables come with the view's names for them
        having = [scope for scope in of_views(own, catalog) if name in scope.items]
        asked = any(scope.where for scope in (*own, *having))
    table = next((found for scope in having if (found := catalog.table(scope.items[name]))), None)
    if table is None:
        return None
    called = table.name if folded(table.name) == name else f"{table.name} ({name})"
    return _Read(table, called, asked, any(scope.limit for scope in having))


def _scanned(plan: Plan, number: int, name: str, index: str | None, catalog: Catalog) -> str:
    """What is wrong with a SCAN; "" where reading all of it is what the statement is for."""
    read = _read(plan, name, catalog)
    if read is None:
        return ""
    outer = _outer_loop(plan.lines, number)
    if outer is not None:
        return f"reads all of {read.called} once for each row of its outer loop ({outer})"
    partial = any(one.name == index and one.where for one in read.table.indexes)
    if not read.asked or partial or (index is not None and read.limited) or plan.kind == "view":
        return ""
    return f"reads all of {read.called}" + (f" through the index {index}" if index else "")


def _outer_loop(lines: Sequence[Line], number: int) -> str | None:
    """The loop of the plan that a line's loop runs inside; None for the outermost."""
    for line in reversed(lines[:number]):
        if line.depth < lines[number].depth:
            return None
        loop = line.text.startswith(("SCAN ", "SEARCH ", "MULTI-INDEX OR"))
        if loop and line.depth == lines[number].depth and not line.text.endswith(("CONSTANT ROW", "CONSTANT ROWS")):
            return line.text
    return None
