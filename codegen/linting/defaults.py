"""Defaults that are another kind of value than their column is declared for.

Each default is stored once in a scratch database, in a column of the declared type, so that affinity does to it what
it does in the table.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from typing import TYPE_CHECKING

from ..types.declared import kind_of
from .findings import Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reading.catalog import Catalog, Column

KIND = Rule(
    "default-kind",
    "a default that is stored as another kind of value than the declared type says",
    "rows with the default hold something else than the column is declared for, and its Python type has to allow it",
    "https://www.sqlite.org/lang_createtable.html#the_default_clause",
)
MOMENT = Rule(
    "date-default-in-text",
    "a TEXT column whose default is a date or time",
    "its type hides that it holds moments, so that they are read and compared as whatever text was written",
    "https://www.sqlite.org/lang_datefunc.html",
)

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d+)?)?")
_LONGEST = 1_000_000  # bytes of a default: `zeroblob(1e9)` is not worth its memory
_CURRENT = re.compile(r"\bCURRENT_(TIMESTAMP|DATE|TIME)\b|\b(datetime|date|time|strftime)\s*\(", re.IGNORECASE)


def check(catalog: Catalog) -> Iterator[Finding]:
    """The findings of both rules."""
    for table in catalog.tables:
        for column in table.columns:
            if column.default is None or column.generated:
                continue
            stored = _stored(column)
            if stored is None:
                continue
            place = (column.file or table.file, column.line, 0)
            name = f"{table.name}.{column.name}"
            if kind_of(column.declared) == "text":
                if _is_moment(column, stored):
                    message = f"{name} is declared {column.declared}, its default {column.default} is a moment"
                    yield Finding(*place, MOMENT.name, name, message, "declare it DATETIME, DATE or TIME")
                continue
            found = _differs(column, stored)
            if found:
                message = f"{name} is declared {column.declared}, its default {column.default} is {found}"
                yield Finding(*place, KIND.name, name, message, "change the default or the type")


def _stored(column: Column) -> object:
    """The value that the default gives in a column of that type; None for NULL and for what cannot be told here, as
    where it calls a function of the application."""
    # table_info leaves out the parentheses of an expression; a bare word is a text only without them.
    for default in (f"({column.default})", column.default):
        with contextlib.closing(sqlite3.connect(":memory:")) as scratch:
            scratch.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            with contextlib.suppress(sqlite3.Error):
                scratch.execute(f"CREATE TABLE scratch (value {column.declared} DEFAULT {default})")
                scratch.execute("INSERT INTO scratch DEFAULT VALUES")
                return scratch.execute("SELECT value FROM scratch").fetchone()[0]
    return None


def _is_moment(column: Column, stored: object) -> bool:
    text = stored if isinstance(stored, str) else ""
    whole = any(pattern.fullmatch(text) for pattern in (_MOMENT, _DATE, _TIME))
    return whole and bool(_CURRENT.search(column.default or ""))


def _differs(column: Column, stored: object) -> str:
    """What the stored default is instead of what the column is declared for; "" where it is right."""
    actual = {int: "an integer", float: "a real number", str: "text", bytes: "a BLOB"}[type(stored)]
    kind = kind_of(column.declared)
    if kind in ("integer", "real", "number", "blob"):
        wanted: dict[str, tuple[type, ...]] = {"integer": (int,), "real": (float,), "number": (int, float)}
        return "" if isinstance(stored, wanted.get(kind, (bytes,))) else actual
    if kind == "flag":
        return "" if stored in (0, 1) and isinstance(stored, int) else f"{actual}, neither 0 nor 1"
    if kind in ("moment", "plain_text"):
        text = stored if isinstance(stored, str) else ""
        declared = column.declared.upper()
        pattern, called = (_DATE, "a date") if declared.startswith("DATE") else (_TIME, "a time")
        if kind == "moment":
            pattern, called = _MOMENT, "a date with a time"
        return "" if pattern.fullmatch(text) else f"{actual}, not {called}"
    return ""
