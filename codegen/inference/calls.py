"""The value of a scalar function (https://www.sqlite.org/lang_corefunc.html and its sisters)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..syntax.nodes import Case, Literal
from .dates import date_value
from .functions import FIRST, MAYBE, NEVER, NUMERIC, SCALARS, SPECIAL
from .values import BLOB, INTEGER, JSON_SCALAR, NOTHING, NUMBER, ONLY_NULL, REAL, SCALAR, TEXT, Value, of_stored, unite

if TYPE_CHECKING:
    from ..syntax.nodes import Call, Expression
    from .scopes import Context, Work

_NUMBERS = frozenset({"integer", "real"})
_DATES = ("date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff")


def call_value(call: Call, context: Context, work: Work) -> Value:
    """The value of a call that is no aggregate; nothing is known of an application's own function."""
    arguments = call.arguments
    name = call.name
    if name in ("iif", "if") and len(arguments) >= 2:
        pairs = tuple(zip(arguments[::2], arguments[1::2], strict=False))
        return work.value(Case(None, pairs, arguments[-1] if len(arguments) % 2 else None), context)
    if name in ("coalesce", "ifnull"):
        return _first_not_null(arguments, context, work)
    if name in _DATES:
        return date_value(call, context, work)
    values = [work.value(one, context) for one in arguments]
    known = SCALARS.get(name)
    if known is not None:
        kind = Value(known.kind, False)
        if known.null == NEVER:
            return kind
        nullable = any(one.nullable for one in (values[:1] if known.null == FIRST else values))
        if known.null == NUMERIC:
            nullable = nullable or not all(one.stored <= _NUMBERS for one in values)
        return kind.with_null(nullable or known.null == MAYBE)
    if name not in SPECIAL or not values:
        return NOTHING
    if name.startswith("json"):
        return _json(call, values)
    return _special(call, values)


def _special(call: Call, values: list[Value]) -> Value:
    name, first = call.name, values[0]
    nullable = any(one.nullable for one in values)
    if name in ("likely", "unlikely", "likelihood"):
        return first.computed
    if name in ("max", "min"):
        return ONLY_NULL if any(one.kind == "null" for one in values) else unite(values).computed
    if name == "nullif":
        return first.computed.with_null(True)
    if first.kind == "null":
        return ONLY_NULL
    if name == "abs":
        # Of a text it is a real: abs('1') is 1.0.
        kinds = {"integer" if one == "integer" else "real" for one in first.stored}
        return of_stored(kinds, nullable)
    if name in ("ceil", "ceiling", "floor", "trunc"):
        found = {frozenset({"integer"}): INTEGER, frozenset({"real"}): REAL}.get(first.stored, NUMBER)
        return found.with_null(nullable or not first.stored <= _NUMBERS)
    if name in ("printf", "format"):
        template = call.arguments[0]
        return TEXT.with_null(not (isinstance(template, Literal) and template.kind == "text" and template.text != ""))
    if name in ("substr", "substring"):
        kinds = {"blob" if one == "blob" else "text" for one in first.stored}
        # Of an empty BLOB it is NULL.
        nullable = nullable or "blob" in kinds
        return of_stored(kinds if first.kind else {"text", "blob"}, nullable)
    # replace: with nothing to look for it gives its first argument as it is.
    sought = call.arguments[1] if len(values) == 3 else None
    if isinstance(sought, Literal) and sought.text:
        return TEXT.with_null(nullable)
    return of_stored(first.stored | {"text"}, nullable) if first.kind else NOTHING


def _first_not_null(arguments: tuple[Expression, ...], context: Context, work: Work) -> Value:
    """coalesce: what stands behind an argument that is never NULL is never reached."""
    values: list[Value] = []
    for one in arguments:
        value = work.value(one, context)
        if value.kind != "null":
            values.append(value)
        if not value.nullable:
            break
    if not values:
        return ONLY_NULL
    found = unite(values) if len(values) > 1 else values[0]
    return found.computed.with_null(all(one.nullable for one in values))


def _json(call: Call, values: list[Value]) -> Value:
    name, first = call.name, values[0]
    text = BLOB if name.startswith("jsonb_") else TEXT
    if first.kind == "null":
        return ONLY_NULL
    if name in ("json_extract", "jsonb_extract"):
        if len(values) <= 2:
            return (JSON_SCALAR if text is TEXT else NOTHING).with_null(True)
        # Several paths: an array of what they find.
        return text.with_null(any(one.nullable for one in values))
    if name in ("json_array_length", "json_type"):
        kind = INTEGER if name == "json_array_length" else TEXT
        return kind.with_null(first.nullable or len(values) > 1)
    if name in ("json_remove", "jsonb_remove"):
        # Removing `$` leaves nothing.
        return text.with_null(first.nullable or not _inside(call.arguments[1:]))
    if not name.endswith("insert") and not _inside(call.arguments[1::2]):
        # In the place of `$` the value itself is given, whatever it is.
        return SCALAR.with_null(True)
    # Values may be NULL, paths may not.
    return text.with_null(first.nullable or any(one.nullable for one in values[1::2]))


def _inside(paths: tuple[Expression, ...]) -> bool:
    """Whether these are literal paths to something inside the whole."""
    return all(isinstance(one, Literal) and one.kind == "text" and one.text not in ("", "$") for one in paths)
