"""The types of generated columns: what their expressions give, kept by the affinity of their declared types.

A declared type does not confine what an expression gives: `half INTEGER AS (n / 2.0)` holds 0.5. So a generated column
has its declared type only where the expression is known to give nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .errors import GenerationError
from .inference import infer
from .inference.values import STORED
from .reading.tokens import split
from .sqltext import quote
from .syntax import SyntaxNotRead, nodes, parse
from .syntax.walk import every
from .types.declared import affinity
from .types.defaults import is_random
from .types.typemap import Type, column_type

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from .reading.catalog import Catalog, Column, Table

_ANYTHING = frozenset({"integer", "real", "text", "blob"})
# Kinds that say more than a storage class: only an expression of the same kind gives them.
_NARROW = ("flag", "moment", "json", "plain_json")
# Affinity → the kind that holds any value which is kept there as it is.
_ANY_KEPT = {"INTEGER": "plain_scalar", "NUMERIC": "plain_scalar", "REAL": "real_scalar", "TEXT": "text"}
_DEPTH = 4  # a chain of generated columns that is longer keeps types that are too wide at its end
_TRUTHS = ("=", "==", "<>", "!=", "<", "<=", ">", ">=", "IS", "IS NOT", "AND", "OR", "LIKE", "GLOB")
_ARITHMETIC = ("+", "-", "*", "/")
_JSON = ("json", "json_array", "json_object", "json_patch", "json_set", "json_insert", "json_replace", "json_remove")
_KINDS = {
    frozenset({"integer"}): "integer",
    frozenset({"real"}): "real",
    frozenset({"integer", "real"}): "number",
    frozenset({"text"}): "text",
    frozenset({"blob"}): "blob",
    frozenset({"integer", "real", "text"}): "json_scalar",
}


def with_computed(
    table: Table, columns: Sequence[Column], catalog: Catalog, connection: sqlite3.Connection
) -> list[Column]:
    """The columns of a table, the generated ones with the types of their expressions. One may be made of another, so
    that nothing is known of them at first."""
    found = list(columns)
    if not any(column.expression and not column.type for column in columns):
        return found
    known = [replace(column, type=Type("scalar", True)) if column.expression else column for column in columns]
    for _ in range(_DEPTH):
        seen = replace(table, columns=tuple(known))
        whole = replace(catalog, tables=tuple(seen if one is table else one for one in catalog.tables))
        known = found = [_computed(table, column, whole, connection) for column in columns]
    return found


def with_random_defaults(
    table: Table, columns: Sequence[Column], catalog: Catalog, connection: sqlite3.Connection
) -> list[Column]:
    """The columns of a table, those whose default is random with the type of its expression where theirs is not."""
    found = []
    for column in columns:
        if column.default and is_random(column.default) and not column.generated:
            made = _of_expression(table, column, column.default, catalog, connection)
            by = affinity(column.declared)
            if made is not column and made.type is not None and by in _ANY_KEPT:
                # What is given is kept by the affinity too.
                kind = made.type.kind if made.type.kind in ("integer", "number", "real") else _ANY_KEPT[by]
                made = replace(made, type=Type(kind, False))
            column = made
        found.append(column)
    return found


def _computed(table: Table, column: Column, catalog: Catalog, connection: sqlite3.Connection) -> Column:
    """The column with the type of its expression, where that is not surely of its declared type."""
    return _of_expression(table, column, column.expression, catalog, connection) if column.expression else column


def _of_expression(
    table: Table, column: Column, expression: str, catalog: Catalog, connection: sqlite3.Connection
) -> Column:
    if column.type is not None or column.choices or table.strict:
        return column
    given = _given(table, expression, catalog, connection)
    kind = column_type(column).kind
    classes = _kept(STORED.get(given, _ANYTHING), affinity(column.declared))
    if given == kind or (kind not in _NARROW and classes <= STORED.get(kind, _ANYTHING)):
        return column
    return replace(column, type=Type(_KINDS.get(classes, "scalar"), True))


def _given(table: Table, expression: str, catalog: Catalog, connection: sqlite3.Connection) -> str:
    """The kind of what the expression gives, "" where it is not known."""
    statement = next(split(f"SELECT {expression} FROM {quote(table.name)};", table.file))
    try:
        tree = parse(statement.tokens)
        (found,) = infer(statement, catalog, connection).columns
    except (GenerationError, SyntaxNotRead, ValueError):
        return ""
    if isinstance(tree, nodes.Select) and isinstance(tree.arms[0][1], nodes.Core):
        whole = tree.arms[0][1].results[0].expression
        if _is_truth(whole):
            return "flag"
        if isinstance(whole, nodes.Call) and whole.name.lower() in _JSON:
            return "json"
        if found.type is not None and found.type.kind == "integer" and _may_overflow(tree):
            return "number"
    return found.type.stored.kind if found.type is not None and not found.type.choices else ""


def _may_overflow(tree: nodes.Select) -> bool:
    """Whether integers are calculated with: what leaves 64 bits becomes REAL (https://www.sqlite.org/lang_expr.html)."""
    return any(
        (isinstance(one, nodes.Binary) and one.operator in _ARITHMETIC)
        or (isinstance(one, nodes.Unary) and one.operator == "-" and not isinstance(one.operand, nodes.Literal))
        for one in every(tree)
    )


def _is_truth(expression: nodes.Expression | None) -> bool:
    """Whether an expression gives 0, 1 or NULL and nothing else."""
    if isinstance(expression, nodes.Unary):
        return expression.operator == "NOT"
    if isinstance(expression, nodes.Binary):
        return expression.operator in _TRUTHS
    truths = (nodes.IsNull, nodes.Between, nodes.InList, nodes.InSelect, nodes.Exists)
    return isinstance(expression, truths)


def _kept(given: frozenset[str], by: str) -> frozenset[str]:
    """The storage classes of these values in a column of this affinity (https://www.sqlite.org/datatype3.html)."""
    found = set(given)
    if by == "TEXT" and found & {"integer", "real"}:
        found = found - {"integer", "real"} | {"text"}
    elif by == "REAL":
        if found & {"integer", "text"}:
            found |= {"real"}
        found.discard("integer")
    elif by in ("INTEGER", "NUMERIC"):
        if "text" in found:
            found |= {"integer", "real"}
        elif "real" in found:
            found |= {"integer"}
    return frozenset(found)
