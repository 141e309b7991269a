"""Expressions as SQL again, every operation in parentheses of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.syntax.nodes import (
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
    Row,
    Subquery,
    Unary,
)

if TYPE_CHECKING:
    from codegen.syntax.nodes import Expression


def sql(expression: Expression) -> str:
    """The expression with all its parentheses. Of subqueries only constants are known."""
    match expression:
        case Literal(kind="text"):
            return "'" + expression.text.replace("'", "''") + "'"
        case Literal():
            return expression.text
        case Name():
            return expression.column
        case Unary():
            return f"({expression.operator} {sql(expression.operand)})"
        case Binary(escape=None):
            return f"({sql(expression.left)} {expression.operator} {sql(expression.right)})"
        case Binary():
            escape = f" ESCAPE {sql(expression.escape)}" if expression.escape else ""
            return f"({sql(expression.left)} {expression.operator} {sql(expression.right)}{escape})"
        case IsNull():
            return f"({sql(expression.operand)} {'NOTNULL' if expression.negated else 'ISNULL'})"
        case Between():
            bounds = f"{sql(expression.low)} AND {sql(expression.high)}"
            return f"({sql(expression.operand)} {_not(expression.negated)}BETWEEN {bounds})"
        case InList():
            return f"({sql(expression.operand)} {_not(expression.negated)}IN {_list(expression.items)})"
        case Collate():
            return f"({sql(expression.operand)} COLLATE {expression.collation})"
        case Cast():
            return f"CAST({sql(expression.operand)} AS {expression.type})"
        case Call():
            return f"{expression.name}{_list(expression.arguments)}"
        case Row():
            return _list(expression.items)
        case Case():
            base = f" {sql(expression.base)}" if expression.base else ""
            branches = "".join(f" WHEN {sql(one)} THEN {sql(other)}" for one, other in expression.branches)
            otherwise = f" ELSE {sql(expression.otherwise)}" if expression.otherwise else ""
            return f"(CASE{base}{branches}{otherwise} END)"
        case InSelect() | Subquery() | Exists() | _:
            raise NotImplementedError(type(expression).__name__)


def _not(negated: bool) -> str:
    return "NOT " if negated else ""


def _list(items: tuple[Expression, ...]) -> str:
    return f"({', '.join(map(sql, items))})"
