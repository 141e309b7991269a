"""The value of aggregates and window functions (https://www.sqlite.org/lang_aggfunc.html, windowfunctions.html)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..reading.tokens import folded
from .functions import AGGREGATES
from .values import INTEGER, NOTHING, NUMBER, ONLY_NULL, REAL, SCALAR, TEXT, Value, unite

if TYPE_CHECKING:
    from ..syntax.nodes import Call, Window
    from .scopes import Context, Work

_NEVER_NULL = {
    "count": INTEGER,
    "total": REAL,
    "json_group_array": TEXT,
    "json_group_object": TEXT,
    # A BLOB, but over no rows the texts `[]` and `{}`.
    "jsonb_group_array": SCALAR,
    "jsonb_group_object": SCALAR,
}
_RANKS = {
    "row_number": INTEGER,
    "rank": INTEGER,
    "dense_rank": INTEGER,
    "ntile": INTEGER,
    "percent_rank": REAL,
    "cume_dist": REAL,
}


def aggregate_value(call: Call, context: Context, work: Work) -> Value:
    """The value of an aggregate over a group: NULL where the group may have no rows, or only NULLs."""
    rows = context.rows or context
    empty = context.vanished or call.filter is not None
    return _collected(call, rows, work, empty)


def _collected(call: Call, rows: Context, work: Work, empty: bool) -> Value:
    """empty: whether there may be no rows."""
    if call.name in _NEVER_NULL:
        return _NEVER_NULL[call.name]
    if not call.arguments:
        return NOTHING
    argument = work.value(call.arguments[0], rows).computed
    nullable = argument.nullable or empty
    if argument.kind == "null":
        return ONLY_NULL
    if call.name in ("max", "min"):
        return argument.with_null(nullable)
    if call.name == "avg":
        return REAL.with_null(nullable)
    if call.name == "sum":
        kind = {frozenset({"integer"}): INTEGER, frozenset({"real"}): REAL}.get(argument.stored, NUMBER)
        return kind.with_null(nullable)
    return TEXT.with_null(nullable)


def window_value(call: Call, context: Context, work: Work) -> Value:
    """The value of a function with OVER."""
    if call.name in _RANKS:
        return _RANKS[call.name]
    covers = _covers(call.over, context)
    if call.name in AGGREGATES:
        # Joined empty texts are NULL in a window, though not in a group.
        joined = call.name in ("group_concat", "string_agg")
        return _collected(call, context, work, joined or not covers or call.filter is not None)
    values = [work.value(one, context).computed for one in call.arguments]
    if not values:
        return NOTHING
    if call.name in ("lag", "lead"):
        return unite([values[0], values[2] if len(values) > 2 else ONLY_NULL])
    if call.name in ("first_value", "last_value", "nth_value"):
        certain = covers and call.filter is None and call.name != "nth_value"
        return replace(values[0], nullable=values[0].nullable or not certain)
    return NOTHING


def _covers(over: Window | str | None, context: Context) -> bool:
    """Whether the window's frame always holds the current row, as the default frame does."""
    if isinstance(over, str):
        over = context.windows.get(folded(over))
        if over is None:
            return False
    while over is not None:
        if over.frame is not None:
            return over.frame.covers
        base = folded(over.base)
        if not base:
            return True
        over = context.windows.get(base)
    return False
