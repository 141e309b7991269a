"""INSERT, UPDATE and DELETE: what their RETURNING gives, and the uses of their parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..reading.tokens import folded
from ..syntax.nodes import Delete, Insert, Join, Row, Subquery, TableItem, Update
from .conditions import assume, when_true
from .joins import scope_of
from .scopes import CommonTables, Context, OutputColumn, Scope, Source, Visible
from .selects import result_columns
from .values import NOTHING, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..syntax.nodes import Assignment
    from .parameters import Visitor
    from .scopes import Work


def change(statement: Insert | Update | Delete, visitor: Visitor) -> Sequence[OutputColumn]:
    """The columns of RETURNING; the uses of parameters go to the visitor."""
    work = visitor.work
    tables = CommonTables({folded(one.name): one for one in statement.tables}, None, None)
    for one in statement.tables:
        visitor.select(one.select, None, tables)
    target = work.relation(statement.table, None, None)
    if target is None:
        return ()
    target.name = folded(statement.alias or statement.table)
    if isinstance(statement, Insert):
        context = _insert(statement, target, tables, visitor)
    elif isinstance(statement, Update):
        context = _update(statement, target, tables, visitor)
    else:
        context = _delete(statement, target, tables, visitor)
    columns = []
    for result in statement.returning:
        if result.expression is not None:
            visitor.visit(result.expression, context)
        columns += result_columns(result, context, work)
    return columns


def _scope(source: Source) -> Scope:
    visible = [
        Visible(column.name, ((source, place),))
        for place, column in enumerate(source.columns)
        if place not in source.hidden
    ]
    return Scope([source], visible)


def _writable(source: Source) -> list[OutputColumn]:
    """The columns that an INSERT without a column list gives values for."""
    table = source.table
    return [
        column
        for place, column in enumerate(source.columns)
        if place not in source.hidden and not (table is not None and table.columns[place].generated)
    ]


def _target_value(name: str, source: Source) -> Value:
    place = source.find(folded(name))
    if place is not None:
        return source.columns[place].value
    return source.rowid or NOTHING


def _insert(statement: Insert, target: Source, tables: CommonTables, visitor: Visitor) -> Context:
    names = statement.columns or tuple(one.name for one in _writable(target))
    targets = [_target_value(name, target) for name in names]
    if statement.select is not None:
        visitor.select(statement.select, None, tables, targets, assigned=True)
    excluded = replace(target, name="excluded", extensions=[])
    scope = _scope(target)
    scope.sources.append(excluded)
    context = Context(scope, tables=tables)
    for upsert in statement.upserts:
        visitor.every(upsert.target, context)
        visitor.condition(upsert.target_where, context)
        visitor.condition(upsert.where, context)
        _assign(upsert.assignments, target, context, visitor)
    return Context(_scope(_inserted(statement, names, target, tables, visitor.work)), tables=tables)


def _inserted(statement: Insert, names: Sequence[str], target: Source, tables: CommonTables, work: Work) -> Source:
    """The row as it is given back: what was put in is NULL only where the expression is. Not behind DO UPDATE, where it
    may be the row that was there."""
    if statement.select is None or any(one.assignments for one in statement.upserts):
        return target
    given = work.columns(statement.select, None, tables)
    if len(given) != len(names):
        return target
    nullable = {folded(name): column.value.nullable for name, column in zip(names, given, strict=True)}
    columns = [
        replace(one, value=one.value.with_null(one.value.nullable and nullable.get(folded(one.name), True)))
        for one in target.columns
    ]
    return replace(target, columns=columns)


def _update(statement: Update, target: Source, tables: CommonTables, visitor: Visitor) -> Context:
    work = visitor.work
    item: TableItem | Join = TableItem(statement.table, statement.alias)
    if statement.source is not None:
        item = Join("INNER", False, item, statement.source)
    context = Context(scope_of(item, work, None, tables), tables=tables)
    visitor.source(statement.source, None, tables, context)
    visitor.condition(statement.where, context)
    _assign(statement.assignments, target, context, visitor)
    _limits(statement, context, visitor)
    filtered = context
    if statement.where is not None:
        filtered = assume(context, when_true(statement.where, context, work), work)
    old = filtered.scope.sources[0]
    set_to = {
        folded(name): work.value(one.value, filtered)
        for one in statement.assignments
        if len(one.columns) == 1
        for name in one.columns
    }
    several = {folded(name) for one in statement.assignments if len(one.columns) > 1 for name in one.columns}
    # What was set is NULL only where the expression is; what was not set is as the WHERE found it.
    columns = []
    for place, column in enumerate(target.columns):
        key, value = folded(column.name), column.value
        if key in set_to:
            value = value.with_null(value.nullable and set_to[key].nullable)
        elif key not in several and not _computed(target, place) and not _is_changed_by_triggers(target, work):
            value = value.with_null(filtered.value_of(old, place).nullable)
        columns.append(replace(column, value=value))
    return Context(_scope(replace(target, columns=columns)), tables=tables)


def _computed(source: Source, place: int) -> bool:
    return source.table is not None and source.table.columns[place].generated


def _delete(statement: Delete, target: Source, tables: CommonTables, visitor: Visitor) -> Context:
    context = Context(_scope(target), tables=tables)
    visitor.condition(statement.where, context)
    _limits(statement, context, visitor)
    if statement.where is None or _is_changed_by_triggers(target, visitor.work):
        return context
    return assume(context, when_true(statement.where, context, visitor.work), visitor.work)


def _is_changed_by_triggers(source: Source, work: Work) -> bool:
    """Whether a trigger of the table might change a row before it is given back."""
    return source.table is None or any(folded(one.table) == folded(source.table.name) for one in work.catalog.triggers)


def _limits(statement: Update | Delete, context: Context, visitor: Visitor) -> None:
    visitor.every(statement.order, context)
    for one in (statement.limit, statement.offset):
        visitor.assign(one, Value("integer", False), context)


def _assign(assignments: Sequence[Assignment], target: Source, context: Context, visitor: Visitor) -> None:
    for one in assignments:
        targets = [_target_value(name, target) for name in one.columns]
        if len(targets) == 1:
            visitor.assign(one.value, targets[0], context)
        elif isinstance(one.value, Row):
            for item, value in zip(one.value.items, targets, strict=False):
                visitor.assign(item, value, context)
        elif isinstance(one.value, Subquery):
            visitor.select(one.value.select, context, context.tables, targets, assigned=True)
