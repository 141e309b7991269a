"""SQLite's functions: the value of each, when it is NULL, and what its arguments are.

After https://www.sqlite.org/lang_corefunc.html, lang_aggfunc.html, lang_datefunc.html, lang_mathfunc.html, json1.html
and fts5.html; each line is checked against SQLite by the tests. A function that is not here is an application's own, of
which nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..syntax.nodes import Call, Expression

STRICT = "strict"  # NULL where an argument is
NEVER = "never"  # never NULL
FIRST = "first"  # NULL where the first argument is
NUMERIC = "numeric"  # NULL where an argument is, or is no number
LOOSE = "loose"  # NULL only where an argument is, but not always then
MAYBE = "maybe"  # NULL for other reasons too


@dataclass(frozen=True, slots=True)
class Function:
    """kind: of its value. null: when it is NULL. arguments: the kinds of its arguments, the last one for all further
    ones, "" for any."""

    kind: str
    null: str
    arguments: tuple[str, ...] = ()


def _table(text: str) -> dict[str, Function]:
    """Lines of `kind null arguments: names`; the arguments are separated by commas, `-` stands for any."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        head, _, names = line.partition(":")
        kind, null, *rest = head.split()
        arguments = tuple("" if one == "-" else one for one in rest[0].split(",")) if rest else ()
        for name in names.split():
            found[name] = Function(kind, null, arguments)
    return found


SCALARS = _table(
    """
    integer never:                        changes last_insert_rowid random total_changes
    integer strict text:                  sqlite_compileoption_used
    integer loose text:                   glob like
    integer strict -:                     instr length octet_length
    integer maybe text:                   unicode
    integer numeric number:               sign
    text never:                           sqlite_source_id sqlite_version
    text never integer:                   char
    text never -:                         hex quote typeof
    text never text:                      concat
    text never text:                      soundex
    text first text:                      concat_ws
    text strict text:                     lower upper trim ltrim rtrim
    text maybe integer:                   sqlite_compileoption_get
    blob never integer:                   randomblob zeroblob
    blob maybe text:                      unhex
    real strict number,integer:           round
    real never:                           pi
    real numeric number:                  atan atan2 asinh cos cosh degrees exp radians sin sinh tan tanh
    real maybe number:                    acos acosh asin atanh ln log log10 log2 mod pow power sqrt
    text strict text:                     json
    text first text:                      json_pretty
    text never json_scalar:               json_array json_object json_quote
    text strict text,text:                json_patch
    blob strict text:                     jsonb jsonb_patch
    blob never json_scalar:               jsonb_array jsonb_object
    integer loose text,integer:           json_valid
    integer strict text:                  json_error_position
    real never -:                         bm25
    text maybe -,integer,text:            highlight snippet
    text maybe -:                         offsets
    blob maybe -,text:                    matchinfo
    """
)
# Those whose value is made up in `calls`, with what they expect of their arguments.
SPECIAL: dict[str, tuple[str, ...]] = {
    "abs": ("number",),
    "ceil": ("number",),
    "ceiling": ("number",),
    "floor": ("number",),
    "trunc": ("number",),
    "coalesce": (),
    "ifnull": (),
    "nullif": (),
    "iif": (),
    "if": (),
    "likely": (),
    "unlikely": (),
    "likelihood": ("", "real"),
    "max": (),
    "min": (),
    "printf": ("text", ""),
    "format": ("text", ""),
    "substr": ("text", "integer", "integer"),
    "substring": ("text", "integer", "integer"),
    "replace": ("text", "text", "text"),
    "date": ("text",),
    "time": ("text",),
    "datetime": ("text",),
    "julianday": ("text",),
    "unixepoch": ("text",),
    "strftime": ("text",),
    "timediff": ("text",),
    "json_extract": ("text", "text"),
    "jsonb_extract": ("text", "text"),
    "json_array_length": ("text", "text"),
    "json_type": ("text", "text"),
    "json_remove": ("text", "text"),
    "jsonb_remove": ("text", "text"),
    "json_insert": ("text", "text", "json_scalar"),
    "json_replace": ("text", "text", "json_scalar"),
    "json_set": ("text", "text", "json_scalar"),
    "jsonb_insert": ("text", "text", "json_scalar"),
    "jsonb_replace": ("text", "text", "json_scalar"),
    "jsonb_set": ("text", "text", "json_scalar"),
}
# Aggregates that are windows too; max and min are aggregates where they have one argument.
AGGREGATES: dict[str, tuple[str, ...]] = {
    "avg": ("number",),
    "count": (),
    "group_concat": ("", "text"),
    "string_agg": ("", "text"),
    "max": (),
    "min": (),
    "sum": ("number",),
    "total": ("number",),
    "json_group_array": (),
    "json_group_object": ("text", ""),
    "jsonb_group_array": (),
    "jsonb_group_object": ("text", ""),
}
WINDOWS: dict[str, tuple[str, ...]] = {
    "row_number": (),
    "rank": (),
    "dense_rank": (),
    "percent_rank": (),
    "cume_dist": (),
    "ntile": ("integer",),
    "lag": ("", "integer", ""),
    "lead": ("", "integer", ""),
    "first_value": (),
    "last_value": (),
    "nth_value": ("", "integer"),
}
DETERMINISTIC = (set(SCALARS) | set(SPECIAL) | set(AGGREGATES)) - {
    *("changes", "last_insert_rowid", "random", "randomblob", "total_changes"),
    *("date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"),
}
# Of the special ones, those that are NULL where any argument is.
_STRICT = {
    *("abs", "ceil", "ceiling", "floor", "trunc", "likely", "unlikely", "max", "min", "substr", "substring"),
    *("date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff", "json_array_length", "json_type"),
}
_FIRST = {
    *("nullif", "printf", "format", "json_extract", "json_remove", "json_insert", "json_replace", "json_set"),
    *("jsonb_extract", "jsonb_remove", "jsonb_insert", "jsonb_replace", "jsonb_set", "likelihood"),
}


def is_aggregate(call: Call) -> bool:
    """Whether it is an aggregate over a group of rows, not over a window."""
    if call.over is not None or call.name not in AGGREGATES:
        return False
    return call.name not in ("max", "min") or len(call.arguments) == 1


def propagates(call: Call) -> tuple[Expression, ...]:
    """The arguments none of which is NULL where the scalar function's value is not."""
    known = SCALARS.get(call.name)
    if call.name == "replace":
        # With nothing to look for, what would take its place is not looked at.
        return call.arguments[:2]
    if call.name in _STRICT or (known is not None and known.null in (STRICT, NUMERIC)):
        return call.arguments
    if call.name in _FIRST or (known is not None and known.null == FIRST):
        return call.arguments[:1]
    if call.name in ("unhex", "unicode") or (known is not None and known.kind == "real" and known.null == MAYBE):
        return call.arguments
    return ()


def expected(call: Call, place: int) -> str:
    """The kind that the function expects as an argument, "" for any."""
    known = SCALARS.get(call.name)
    kinds: tuple[str, ...]
    if known is not None:
        kinds = known.arguments
    elif call.name in AGGREGATES and (call.name not in ("max", "min") or len(call.arguments) == 1):
        kinds = AGGREGATES[call.name]
    else:
        kinds = SPECIAL.get(call.name) or WINDOWS.get(call.name, ())
    if not kinds:
        return ""
    if kinds[-1] == "json_scalar" and len(kinds) == 3 and place:
        return kinds[2 - place % 2]
    return kinds[min(place, len(kinds) - 1)]
