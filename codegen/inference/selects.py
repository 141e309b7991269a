"""The columns of a SELECT (https://www.sqlite.org/lang_select.html)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..reading.tokens import folded
from ..syntax.nodes import Call, Core, Literal, Name, Values
from ..syntax.walk import calls_here, every, selects_here
from .conditions import assume, key_of, when_true
from .functions import is_aggregate
from .joins import scope_of
from .scopes import NO_FACTS, CommonTables, Context, Facts, Found, OutputColumn, Scope, resolve
from .values import NOTHING, Value, unite

if TYPE_CHECKING:
    from ..syntax.nodes import Expression, Result, Select
    from .scopes import Work


@dataclass(frozen=True, slots=True)
class Analysed:
    """A SELECT up to its WINDOW clause. rows: the context of its WHERE; given: that of its results."""

    core: Core
    rows: Context
    given: Context


def columns_of(
    select: Select, parent: Context | None, tables: CommonTables | None, work: Work
) -> tuple[OutputColumn, ...]:
    """The columns of a compound: of its first arm by name, of all its arms by value."""
    here = CommonTables({folded(one.name): one for one in select.tables}, parent, tables) if select.tables else tables
    operators = [operator for operator, _ in select.arms]
    arms = [arm_columns(arm, parent, here, work) for _, arm in select.arms]
    found = list(arms[0])
    for operator, arm in zip(operators[1:], arms[1:], strict=True):
        if len(arm) != len(found):
            # A star over something whose columns are not known.
            return tuple(OutputColumn(one.name, NOTHING) for one in found)
        found = [
            OutputColumn(one.name, _combined(operator, one.value, other.value))
            for one, other in zip(found, arm, strict=True)
        ]
    return tuple(found)


def _combined(operator: str, left: Value, right: Value) -> Value:
    if operator == "EXCEPT":
        return left.computed
    if operator == "INTERSECT":
        kind = left if left.stored == right.stored or left.kind == right.kind else unite((left, right))
        return kind.computed.with_null(left.nullable and right.nullable)
    return unite((left, right))


def arm_columns(
    arm: Core | Values,
    parent: Context | None,
    tables: CommonTables | None,
    work: Work,
) -> list[OutputColumn]:
    """The columns of one SELECT or VALUES."""
    if isinstance(arm, Values):
        context = Context(Scope(), parent, tables=tables)
        rows = [[work.value(one, context).computed for one in row] for row in arm.rows]
        return [
            OutputColumn(f"column{place}", unite(values)) for place, values in enumerate(zip(*rows, strict=True), 1)
        ]
    found = analyse(arm, parent, tables, work)
    return [column for result in arm.results for column in result_columns(result, found.given, work)]


def analyse(core: Core, parent: Context | None, tables: CommonTables | None, work: Work) -> Analysed:
    """The contexts of a SELECT: what its WHERE sees, and what its results see."""
    scope = scope_of(core.source, work, parent, tables)
    aliases = {folded(one.alias): one.expression for one in reversed(core.results) if one.alias and one.expression}
    rows = Context(scope, parent, aliases=aliases, windows=dict(core.windows), tables=tables)
    facts = when_true(core.where, rows, work) if core.where is not None else NO_FACTS
    filtered = assume(rows, facts, work)
    if not core.group and aggregates(core, rows, work):
        # No row may have come through: then the aggregate's one row has NULL for every column.
        given = replace(rows, vanished=True, rows=filtered)
    else:
        given = replace(filtered, rows=filtered) if core.group else filtered
    if core.having is not None:
        found = when_true(core.having, given, work)
        given = assume(given, found, work)
        if core.group:
            # What the group has in common holds in each of its rows.
            common = {key_of(one, filtered) for one in grouping(core)}
            given = replace(given, rows=assume(filtered, frozenset(key for key in found if key in common), work))
    return Analysed(core, rows, given)


def grouping(core: Core) -> list[Expression]:
    """The expressions of GROUP BY; a number stands for a result."""
    found = []
    for one in core.group:
        if isinstance(one, Literal) and one.kind == "integer" and 0 < int(one.text) <= len(core.results):
            result = core.results[int(one.text) - 1].expression
            if result is not None:
                found.append(result)
        else:
            found.append(one)
    return found


def aggregates(core: Core, context: Context, work: Work) -> bool:
    """Whether the SELECT is an aggregate: by HAVING, by an aggregate in its results, or by one in a subquery of these
    that is over this SELECT's rows. Elsewhere SQLite takes none that would make it one."""
    if core.having is not None or _aggregates_itself(core.results, context):
        return True
    return any(
        _is_own(call, context) for select in selects_here(core.results) for call in _escaping(select, context, work)
    )


def _aggregates_itself(expressions: object, context: Context) -> bool:
    return any(
        is_aggregate(call) and (_is_own(call, context) or not any(_names(call))) for call in calls_here(expressions)
    )


def _names(call: Call) -> list[Name]:
    return [one for one in every(call) if isinstance(one, Name)]


def _is_own(call: Call, context: Context) -> bool:
    """Whether an aggregate names a column of this SELECT: it is over the rows of the innermost one of which it does."""
    alone = replace(context, parent=None, aliases={})
    return any(resolve(one, alone) is not None for one in _names(call))


def _escaping(select: Select, parent: Context, work: Work) -> list[Call]:
    """The aggregates of a subquery that are not over its own rows."""
    if not any(isinstance(one, Call) and is_aggregate(one) and any(_names(one)) for one in every(select)):
        return []
    nodes = {folded(one.name): one for one in select.tables}
    tables = CommonTables(nodes, parent, parent.tables) if nodes else parent.tables
    found: list[Call] = []
    for _, arm in select.arms:
        if isinstance(arm, Values):
            found += [call for call in calls_here(arm) if is_aggregate(call) and any(_names(call))]
            continue
        context = Context(scope_of(arm.source, work, parent, tables), parent, tables=tables)
        inner = [call for call in calls_here(arm) if is_aggregate(call) and any(_names(call))]
        for deeper in selects_here(arm):
            inner += _escaping(deeper, context, work)
        found += [call for call in inner if not _is_own(call, context)]
    return found


def result_columns(result: Result, context: Context, work: Work) -> list[OutputColumn]:
    """The columns of a result expression or a star."""
    if result.expression is None:
        return _star(folded(result.table), context)
    value = work.value(result.expression, context)
    found = resolve(result.expression, context) if isinstance(result.expression, Name) else None
    source = ""
    if isinstance(found, Found) and len(found.parts) == 1 and found.context is context and not context.vanished:
        source = found.parts[0][0].name
    name = result.alias or (found.name if isinstance(found, Found) else work.text(result))
    return [OutputColumn(name, value if isinstance(found, Found) else value.computed, source)]


def _star(table: str, context: Context) -> list[OutputColumn]:
    if not table:
        return [
            OutputColumn(
                one.name,
                Found(context, one.name, one.parts, one.full).value,
                one.parts[0][0].name if len(one.parts) == 1 and not context.vanished else "",
            )
            for one in context.scope.visible
        ]
    return [
        OutputColumn(column.name, context.value_of(source, place), "" if context.vanished else source.name)
        for source in context.scope.sources
        if source.name == table
        for place, column in enumerate(source.columns)
        if place not in source.hidden
    ]


def gives_a_row(select: Select, parent: Context | None, work: Work) -> bool:
    """Whether there is at least one row, whatever the tables hold."""
    if select.offset is not None or not (select.limit is None or _positive(select.limit)):
        return False
    if any(operator not in ("", "UNION", "UNION ALL") for operator, _ in select.arms):
        return False
    return any(_arm_gives_a_row(arm, parent, work) for _, arm in select.arms)


def gives_one_row(select: Select, work: Work) -> bool:
    """Whether there is exactly one row, whatever the tables hold."""
    arm = select.arms[0][1]
    if len(select.arms) > 1 or not gives_a_row(select, None, work):
        return False
    return len(arm.rows) == 1 if isinstance(arm, Values) else True


def _arm_gives_a_row(arm: Core | Values, parent: Context | None, work: Work) -> bool:
    if isinstance(arm, Values):
        return True
    if arm.group or arm.having is not None:
        return False
    if arm.source is None and arm.where is None:
        return True
    calls = [call for one in arm.results for call in calls_here(one.expression) if is_aggregate(call)]
    if any(not _names(call) for call in calls):
        return True
    if not calls:
        return False
    context = Context(scope_of(arm.source, work, parent, parent.tables if parent else None), parent)
    return any(_is_own(call, context) for call in calls)


def _positive(limit: Expression) -> bool:
    return isinstance(limit, Literal) and limit.kind == "integer" and int(limit.text, 0) > 0


def facts_of_a_row(select: Select, context: Context, work: Work) -> Facts:
    """What is not NULL in the outer query where the subquery gives a row: what its WHERE says."""
    arm = select.arms[0][1]
    if not isinstance(arm, Core) or arm.having is not None or select.tables or select.offset is not None:
        return NO_FACTS
    if not arm.group and any(is_aggregate(call) for one in arm.results for call in calls_here(one.expression)):
        return NO_FACTS
    inner = analyse(arm, context, context.tables, work).given
    own = {id(source) for source in inner.scope.sources}
    return frozenset(key for key in inner.facts if not _mentions(key, own))


def _mentions(key: object, sources: set[int]) -> bool:
    if isinstance(key, tuple):
        if len(key) == 3 and key[0] == "column":
            return key[1] in sources
        return any(_mentions(one, sources) for one in key)
    return False
