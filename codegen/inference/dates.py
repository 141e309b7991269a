"""The value of a date function (https://www.sqlite.org/lang_datefunc.html): NULL for a time that SQLite does not
understand, so only of what is written out is it sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..syntax.nodes import Literal
from .values import INTEGER, NOTHING, ONLY_NULL, REAL, TEXT

if TYPE_CHECKING:
    from ..syntax.nodes import Call, Expression
    from .scopes import Context, Work
    from .values import Value

_KINDS = {
    "date": TEXT,
    "time": TEXT,
    "datetime": TEXT,
    "strftime": TEXT,
    "timediff": TEXT,
    "julianday": REAL,
    "unixepoch": INTEGER,
}
_MODIFIERS = ("localtime", "utc", "start of day", "start of month", "start of year")
_UNITS = ("second", "minute", "hour", "day", "month", "year")
# Those of every version; a letter that SQLite does not know makes the whole NULL.
_LETTERS = "dfHjJmMsSwWY%"
# More than this and the year might leave the range that SQLite knows.
_MOST_DIGITS = 4


def date_value(call: Call, context: Context, work: Work) -> Value:
    """The value of date, time, datetime, julianday, unixepoch, strftime or timediff."""
    values = [work.value(one, context) for one in call.arguments]
    if any(one.kind == "null" for one in values):
        return ONLY_NULL
    found = _KINDS.get(call.name, NOTHING)
    arguments = call.arguments
    certain = call.name != "timediff"
    if call.name == "strftime":
        certain = bool(arguments) and _is_format(arguments[0])
        arguments = arguments[1:]
    if certain and arguments:
        certain = _is_time(arguments[0]) and all(_is_modifier(one) for one in arguments[1:])
    return found.with_null(not certain)


def _text(expression: Expression) -> str:
    return expression.text if isinstance(expression, Literal) and expression.kind == "text" else ""


def _is_format(expression: Expression) -> bool:
    text = _text(expression).replace("%%", "")
    known = all(part[:1] and part[0] in _LETTERS for part in text.split("%")[1:])
    return isinstance(expression, Literal) and expression.kind == "text" and known


def _is_time(expression: Expression) -> bool:
    if isinstance(expression, Literal) and expression.kind == "now":
        return True
    text = _text(expression)
    if text.lower() == "now":
        return True
    year, month, day = text[:4], text[5:7], text[8:10]
    dated = len(text) == 10 and text[4] == text[7] == "-" and (year + month + day).isdigit()
    return dated and 1 <= int(month) <= 12 and 1 <= int(day) <= 28


def _is_modifier(expression: Expression) -> bool:
    text = _text(expression).lower()
    if text in _MODIFIERS:
        return True
    if text.startswith("weekday "):
        return text[8:] in tuple("0123456")
    number, _, unit = text.partition(" ")
    digits = number[1:].replace(".", "", 1)
    return (
        number[:1] in ("+", "-")
        and digits.isdigit()
        and len(digits) <= _MOST_DIGITS
        and unit.strip().removesuffix("s") in _UNITS
        and not (unit.startswith("year") and len(digits) > 3)
    )
