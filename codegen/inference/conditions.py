"""What a condition says about NULL: the expressions that cannot be NULL where it is true, false or not true.

An expression is known by a key, so that the same one elsewhere is recognised. Sound whatever the condition is: what is
not understood says nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..reading.tokens import folded
from ..syntax.nodes import (
    Between,
    Binary,
    Call,
    Cast,
    Collate,
    Exists,
    InList,
    InSelect,
    IsNull,
    Literal,
    Name,
    Parameter,
    Row,
    Unary,
)
from .functions import DETERMINISTIC, is_aggregate, propagates
from .scopes import NO_FACTS, Alias, Context, Facts, Found, resolve

if TYPE_CHECKING:
    from ..syntax.nodes import Expression
    from .scopes import Work

_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_PROPAGATING = ("+", "-", "*", "/", "%", "||", "&", "|", "<<", ">>", "->", "->>", *_COMPARISONS)


def assume(context: Context, facts: Facts, work: Work) -> Context:
    """The context in which these expressions are not NULL, with what follows: an outer join whose columns are not NULL
    found a row, and so its condition holds."""
    parent = context.parent and assume(context.parent, facts, work)
    here = replace(context, facts=context.facts | facts, parent=parent)
    while True:
        known = {key[1] for key in here.facts if key[0] == "column"}
        found = {one for source in here.scope.sources if id(source) in known for one in source.extensions}
        before, here = here, replace(here, present=here.present | found)
        for condition in here.scope.conditions:
            if condition in here.applied or here.vanished or not here.present.issuperset(condition.needs):
                continue
            # Applied before it is looked at: a subquery in it looks at this context again.
            here = replace(here, applied=here.applied | {condition})
            new = condition.keys
            if condition.expression is not None:
                new |= when_true(condition.expression, here, work)
            here = replace(here, facts=here.facts | new)
        if here.present == before.present and here.facts == before.facts:
            return here


def key_of(expression: Expression, context: Context) -> tuple[object, ...] | None:
    """What an expression is known by; None for one that may be something else next time."""
    parts: tuple[Expression, ...]
    head: tuple[object, ...]
    match expression:
        case Name():
            found = resolve(expression, context)
            if isinstance(found, Alias):
                return key_of(found.expression, found.context)
            return found.key if found else None
        case Literal():
            return ("literal", expression.kind, expression.text)
        case Parameter():
            return ("parameter", expression.name)
        case Collate():
            return key_of(expression.operand, context)
        case Unary():
            head, parts = (expression.operator, 1), (expression.operand,)
        case Binary(escape=None):
            head, parts = (expression.operator, 2), (expression.left, expression.right)
        case Cast():
            head, parts = ("cast", expression.type.upper()), (expression.operand,)
        case Call(over=None, filter=None, order=()) if expression.name in DETERMINISTIC:
            head = ("call", expression.name, expression.star, expression.distinct)
            parts = expression.arguments
        case _:
            return None
    keys = tuple(key_of(part, context) for part in parts)
    return None if None in keys else (*head, *keys)


def when_not_null(expression: Expression, context: Context, work: Work) -> Facts:
    """What is not NULL where the expression is not."""
    key = key_of(expression, context)
    found = frozenset({key}) if key is not None else NO_FACTS
    inner: tuple[Expression, ...] = ()
    match expression:
        case Name():
            alias = resolve(expression, context)
            if isinstance(alias, Alias):
                return found | when_not_null(alias.expression, alias.context, work)
        case Unary() | Cast() | Collate() | Between():
            inner = (expression.operand,)
        case InList(items=items):
            inner = (expression.operand,) if items else ()
        case Binary() if expression.operator in _PROPAGATING:
            inner = (expression.left, expression.right)
            if isinstance(expression.left, Row) or isinstance(expression.right, Row):
                inner = ()
        case Binary(operator="LIKE" | "GLOB"):
            # A BLOB is like nothing, and then NULL is not looked at.
            inner = (expression.left, expression.right)
            if any("blob" in work.value(one, context).stored for one in inner):
                inner = ()
        case Call(over=None) if not is_aggregate(expression):
            inner = propagates(expression)
        case _:
            pass
    return found.union(*(when_not_null(one, context, work) for one in inner))


def when_true(expression: Expression, context: Context, work: Work) -> Facts:
    """What is not NULL where the condition is true."""
    parts: tuple[Expression, ...]
    match expression:
        case Binary(operator="AND"):
            return when_true(expression.left, context, work) | when_true(expression.right, context, work)
        case Binary(operator="OR"):
            return when_true(expression.left, context, work) & when_true(expression.right, context, work)
        case Unary(operator="NOT"):
            return when_false(expression.operand, context, work)
        case IsNull(negated=True):
            return when_not_null(expression.operand, context, work)
        case Binary(operator="IS"):
            return _same(expression.left, expression.right, context, work) | _same(
                expression.right, expression.left, context, work
            )
        case Binary() if expression.operator in _COMPARISONS:
            return _compared(expression, context, work)
        case Between(negated=False):
            parts = (expression.operand, expression.low, expression.high)
            return NO_FACTS.union(*(when_not_null(one, context, work) for one in _flat(parts)))
        case InList(negated=False) | InSelect(negated=False):
            return NO_FACTS.union(*(when_not_null(one, context, work) for one in _flat((expression.operand,))))
        case InList(negated=True) if len(expression.items) and not isinstance(expression.operand, Row):
            parts = (expression.operand, *expression.items)
            return NO_FACTS.union(*(when_not_null(one, context, work) for one in parts))
        case Exists(select=select) if len(select.arms) == 1:
            return work.facts_of_a_row(select, context)
        case Binary(operator="LIKE" | "GLOB"):
            return when_not_null(expression.left, context, work) | when_not_null(expression.right, context, work)
        case Binary(operator="MATCH"):
            return _matched(expression.left, context) | when_not_null(expression, context, work)
        case Name():
            found = resolve(expression, context)
            if isinstance(found, Alias):
                return when_true(found.expression, found.context, work)
        case _:
            pass
    return when_not_null(expression, context, work)


def when_false(expression: Expression, context: Context, work: Work) -> Facts:
    """What is not NULL where the condition is false (0, not NULL)."""
    match expression:
        case Binary(operator="AND"):
            return when_false(expression.left, context, work) & when_false(expression.right, context, work)
        case Binary(operator="OR"):
            return when_false(expression.left, context, work) | when_false(expression.right, context, work)
        case Unary(operator="NOT"):
            return when_true(expression.operand, context, work)
        case IsNull(negated=False):
            return when_not_null(expression.operand, context, work)
        case Binary(operator="IS NOT"):
            return when_true(replace(expression, operator="IS"), context, work)
        case InList(negated=True) | InSelect(negated=True):
            return when_true(replace(expression, negated=False), context, work)
        case InList(negated=False):
            return when_true(replace(expression, negated=True), context, work)
        case Between(negated=True):
            return when_true(replace(expression, negated=False), context, work)
        case _:
            return when_not_null(expression, context, work)


def when_not_true(expression: Expression, context: Context, work: Work) -> Facts:
    """What is not NULL where the condition is false or NULL, as behind a WHEN that was passed over."""
    match expression:
        case Binary(operator="OR"):
            return when_not_true(expression.left, context, work) | when_not_true(expression.right, context, work)
        case Binary(operator="AND"):
            return when_not_true(expression.left, context, work) & when_not_true(expression.right, context, work)
        case IsNull() | Exists() | Binary(operator="IS" | "IS NOT"):
            return when_false(expression, context, work)
        case Unary(operator="NOT", operand=IsNull() | Exists() | Binary(operator="IS" | "IS NOT")):
            return when_false(expression, context, work)
        case _:
            return NO_FACTS if work.value(expression, context).nullable else when_false(expression, context, work)


def _same(one: Expression, other: Expression, context: Context, work: Work) -> Facts:
    """`one IS other`: it is not NULL where the other is not."""
    return NO_FACTS if work.value(other, context).nullable else when_not_null(one, context, work)


def _compared(expression: Binary, context: Context, work: Work) -> Facts:
    left, right = _flat((expression.left,)), _flat((expression.right,))
    if expression.operator == "=" and isinstance(expression.left, Name):
        # `search = 'words'` is `search MATCH 'words'`.
        matched = _matched(expression.left, context, whole=True)
        if matched:
            return matched
    if isinstance(expression.left, Row) or isinstance(expression.right, Row):
        # (a, b) < (c, d) may be decided by its first pair, as <> by any.
        count = len(left) if expression.operator == "=" else 1 if expression.operator != "<>" else 0
        left, right = left[:count], right[:count]
    return NO_FACTS.union(*(when_not_null(one, context, work) for one in (*left, *right)))


def _flat(parts: tuple[Expression, ...]) -> tuple[Expression, ...]:
    return tuple(one for part in parts for one in (part.items if isinstance(part, Row) else (part,)))


def _matched(left: Expression, context: Context, whole: bool = False) -> Facts:
    """The hidden columns of a full-text table, such as its rank, have a value in a row that MATCH found. whole: only
    where the table is meant, not one of its columns."""
    if not isinstance(left, Name):
        return NO_FACTS
    for source in context.scope.sources:
        table = source.table
        if table is None or not table.module.startswith("fts"):
            continue
        named = folded(left.table) or folded(left.column)
        found = resolve(left, context)
        own = not whole and isinstance(found, Found) and any(one is source for one, _ in found.parts)
        if own or named == source.name or named == folded(table.name):
            place = source.find("rank")
            return frozenset({("column", id(source), place)}) if place is not None else NO_FACTS
    return NO_FACTS
