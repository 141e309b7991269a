"""The value of an expression (https://www.sqlite.org/lang_expr.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..syntax.nodes import (
    Between,
    Binary,
    Call,
    Case,
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
    Subquery,
    Unary,
)
from ..types.typemap import affinity
from .aggregates import aggregate_value, window_value
from .calls import call_value
from .conditions import assume, key_of, when_false, when_not_true, when_true
from .functions import AGGREGATES, is_aggregate
from .scopes import Alias, resolve
from .values import BLOB, INTEGER, JSON_SCALAR, NOTHING, NUMBER, ONLY_NULL, REAL, TEXT, Value, unite

if TYPE_CHECKING:
    from ..syntax.nodes import Expression
    from .scopes import Context, Work

_LITERALS = {"integer": INTEGER, "real": REAL, "text": TEXT, "blob": BLOB, "null": ONLY_NULL, "now": TEXT}
_LEAST = "9223372036854775808"
_CASTS = {"INTEGER": INTEGER, "REAL": REAL, "TEXT": TEXT, "BLOB": BLOB}


def value_of(expression: Expression, context: Context, work: Work) -> Value:
    """The value of an expression in a context."""
    found = _value(expression, context, work)
    if found.nullable and context.facts and key_of(expression, context) in context.facts:
        return found.with_null(False)
    return found


def _value(expression: Expression, context: Context, work: Work) -> Value:
    match expression:
        case Literal():
            return _LITERALS[expression.kind]
        case Parameter():
            return work.given.get(expression.name, NOTHING)
        case Name():
            return _name(expression, context, work)
        case Unary():
            return _unary(expression, context, work)
        case Binary():
            return _binary(expression, context, work)
        case IsNull() | Exists():
            return INTEGER
        case Between():
            return INTEGER.with_null(_any_null((expression.operand, expression.low, expression.high), context, work))
        case InList():
            nullable = bool(expression.items) and _any_null((expression.operand, *expression.items), context, work)
            return INTEGER.with_null(nullable)
        case InSelect():
            columns = work.columns(expression.select, context, context.tables)
            nullable = any(one.value.nullable for one in columns) or not columns
            return INTEGER.with_null(nullable or _any_null((expression.operand,), context, work))
        case Case():
            return _case(expression, context, work)
        case Cast():
            return _cast(expression, context, work)
        case Collate():
            return work.value(expression.operand, context)
        case Subquery():
            columns = work.columns(expression.select, context, context.tables)
            if not columns:
                return NOTHING
            found = columns[0].value.computed
            return found.with_null(found.nullable or not work.gives_a_row(expression.select, context))
        case Call():
            return _call(expression, context, work)
        case _:
            return NOTHING


def _name(name: Name, context: Context, work: Work) -> Value:
    found = resolve(name, context)
    if isinstance(found, Alias):
        return work.value(found.expression, found.context)
    if found is not None:
        return found.value
    if not name.table and name.column.upper() in ("TRUE", "FALSE"):
        return INTEGER
    return TEXT if name.quoted and not name.table else NOTHING


def _unary(expression: Unary, context: Context, work: Work) -> Value:
    operand = work.value(expression.operand, context)
    if expression.operator == "+":
        return operand.computed
    if operand.kind == "null":
        return ONLY_NULL
    if expression.operator in ("~", "NOT"):
        return INTEGER.with_null(operand.nullable)
    if expression.operand == Literal("real", _LEAST):
        return INTEGER
    return _calculated((operand,))


def _calculated(operands: tuple[Value, ...]) -> Value:
    """The value of an arithmetic operation: an int of ints, a float where one operand surely is one."""
    nullable = any(one.nullable for one in operands)
    if any(one.kind == "null" for one in operands):
        return ONLY_NULL
    stored = [one.stored for one in operands]
    if all(one == {"integer"} for one in stored):
        return INTEGER.with_null(nullable)
    return (REAL if any(one == {"real"} for one in stored) else NUMBER).with_null(nullable)


def _binary(expression: Binary, context: Context, work: Work) -> Value:
    operator = expression.operator
    if operator in ("IS", "IS NOT"):
        return INTEGER
    if isinstance(expression.left, Row) or isinstance(expression.right, Row):
        return INTEGER.with_null(_any_null((expression.left, expression.right), context, work))
    left, right = work.value(expression.left, context), work.value(expression.right, context)
    nullable = left.nullable or right.nullable
    if operator in ("AND", "OR"):
        return INTEGER.with_null(nullable and not _decided(expression, left, right, context, work))
    if operator == "->":
        return TEXT.with_null(True)
    if operator == "->>":
        return JSON_SCALAR.with_null(True)
    if "null" in (left.kind, right.kind) and operator not in ("MATCH", "REGEXP"):
        return ONLY_NULL
    if operator == "||":
        return TEXT.with_null(nullable)
    if operator in ("+", "-", "*"):
        return _calculated((left, right))
    if operator in ("/", "%"):
        return _calculated((left, right)).with_null(nullable or not _divides(expression.right))
    if operator in ("MATCH", "REGEXP"):
        return INTEGER.with_null(True)
    escape = expression.escape
    return INTEGER.with_null(nullable or (escape is not None and work.value(escape, context).nullable))


def _decided(expression: Binary, left: Value, right: Value, context: Context, work: Work) -> bool:
    """Whether AND or OR is never NULL though an operand may be: not where the other has not decided already, as in
    `x IS NOT NULL AND x > 1`."""
    undecided = when_true if expression.operator == "AND" else when_false
    for known, one, other in ((left, expression.left, expression.right), (right, expression.right, expression.left)):
        if not known.nullable:
            return not work.value(other, assume(context, undecided(one, context, work), work)).nullable
    return False


def _divides(divisor: Expression) -> bool:
    """Whether it is a literal that is not zero, neither as it is nor as an integer."""
    if isinstance(divisor, Unary) and divisor.operator in ("-", "+"):
        divisor = divisor.operand
    if not isinstance(divisor, Literal) or divisor.kind not in ("integer", "real"):
        return False
    text = divisor.text.replace("_", "")
    return abs(int(text, 0) if text[:2].lower() == "0x" else float(text)) >= 1


def _any_null(parts: tuple[Expression, ...], context: Context, work: Work) -> bool:
    for part in parts:
        if isinstance(part, Row):
            if _any_null(part.items, context, work):
                return True
        elif isinstance(part, Subquery):
            columns = work.columns(part.select, context, context.tables)
            if not work.gives_a_row(part.select, context) or any(one.value.nullable for one in columns):
                return True
        elif work.value(part, context).nullable:
            return True
    return False


def _case(expression: Case, context: Context, work: Work) -> Value:
    values = []
    here = context
    for condition, result in expression.branches:
        tested = condition if expression.base is None else Binary("=", expression.base, condition)
        values.append(work.value(result, assume(here, when_true(tested, here, work), work)))
        here = assume(here, when_not_true(tested, here, work), work)
    values.append(work.value(expression.otherwise, here) if expression.otherwise else ONLY_NULL)
    return unite(values).computed


def _cast(expression: Cast, context: Context, work: Work) -> Value:
    operand = work.value(expression.operand, context)
    if operand.kind == "null":
        return ONLY_NULL
    kind = "NUMERIC" if expression.type.upper() == "ANY" else affinity(expression.type) or "BLOB"
    if kind in _CASTS:
        return _CASTS[kind].with_null(operand.nullable)
    # A number stays the number that it is.
    return _calculated((operand,)) if operand.kind else NUMBER.with_null(operand.nullable)


def _call(call: Call, context: Context, work: Work) -> Value:
    if call.over is not None:
        return window_value(call, context, work)
    if is_aggregate(call):
        return aggregate_value(call, context, work)
    if call.name in AGGREGATES and call.name not in ("max", "min"):
        return NOTHING
    return call_value(call, context, work)
