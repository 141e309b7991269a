"""Columns that hold other values than their definition lets one expect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..reading.tokens import tokenize
from ..types.declared import affinity, kind_of
from .findings import Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reading.catalog import Catalog, Column, Table

NULLABLE_KEY = Rule(
    "nullable-key",
    "a primary key that accepts NULL",
    "only INTEGER PRIMARY KEY, WITHOUT ROWID and STRICT make a key NOT NULL; in others NULL may stand, and many times",
    "https://www.sqlite.org/quirks.html#primary_keys_can_sometimes_contain_nulls",
)
UNTYPED = Rule(
    "untyped-column",
    "a column without a declared type",
    "it takes every value as it is: the generated type is a union of all",
    "https://www.sqlite.org/datatype3.html#determination_of_column_affinity",
)
MISLEADING = Rule(
    "misleading-type",
    "a declared type whose affinity is not what its name says",
    "SQLite converts what is stored: text that looks like a number becomes one",
    "https://www.sqlite.org/datatype3.html#affinity_name_examples",
)
AUTOINCREMENT = Rule(
    "autoincrement",
    "AUTOINCREMENT",
    "it costs a write to sqlite_sequence in each insert; needed only where the id of a deleted row must not return",
    "https://www.sqlite.org/autoinc.html",
    remark=True,
)

# Names of text that hold none of the letters by which SQLite gives TEXT affinity (CHAR, CLOB, TEXT).
_TEXT_NAMES = frozenset(
    "STRING STR JSON JSONB UUID GUID ULID XML HTML ENUM SET INET CIDR MACADDR URL URI EMAIL PHONE HASH HEX".split()
)
_REAL_NAMES = ("FLOAT", "DOUBLE", "REAL")
_INTEGER_NAME = re.compile(r"(U|UNSIGNED|TINY|SMALL|SHORT|MEDIUM|LONG|BIG|HUGE)*INT(EGER)?[0-9]*", re.IGNORECASE)


def check(catalog: Catalog) -> Iterator[Finding]:
    """The findings of these rules."""
    for table in catalog.tables:
        yield from _keys(table)
        for column in table.columns:
            yield from _types(table, column)


def _keys(table: Table) -> Iterator[Finding]:
    nullable = [column for column in table.columns if column.key and not column.not_null]
    if nullable:
        names = ", ".join(column.name for column in nullable)
        first = nullable[0]
        message = f"the primary key of {table.name} accepts NULL in {names}"
        yield Finding(_file(table, first), first.line, 0, NULLABLE_KEY.name, table.name, message, "add NOT NULL")
    tokens = tokenize(table.sql, table.file)
    if any(token.is_word("AUTOINCREMENT") for token in tokens):
        column = table.column(table.key[0])
        message = f"{table.name}.{column.name} has AUTOINCREMENT"
        hint = "leave it out unless the id of a deleted row must never be used again"
        yield Finding(_file(table, column), column.line, 0, AUTOINCREMENT.name, table.name, message, hint)


def _types(table: Table, column: Column) -> Iterator[Finding]:
    name = f"{table.name}.{column.name}"
    place = (_file(table, column), column.line, 0)
    if not column.declared:
        hint = "give it a type; BLOB keeps every value as it is"
        yield Finding(*place, UNTYPED.name, name, f"{name} has no declared type", hint)
        return
    surprise = _surprise(column.declared)
    if surprise:
        message, hint = surprise
        yield Finding(*place, MISLEADING.name, name, f"{name} is declared {column.declared}, {message}", hint)


def _surprise(declared: str) -> tuple[str, str] | None:
    """What a declared type does that its name does not say, and what to write instead."""
    if kind_of(declared) == "blob":
        return None  # geometry: BLOBs are never converted
    kind = affinity(declared)
    words = re.findall(r"[A-Za-z_]\w*", declared)
    upper = [word.upper() for word in words]
    if kind == "NUMERIC" and _TEXT_NAMES.intersection(upper):
        text = next(word for word in upper if word in _TEXT_NAMES)
        changed = "1e3 becomes 1000" if text.startswith("JSON") else "007 becomes 7"
        return f"which has NUMERIC affinity: the text {changed}", f"declare it TEXT, or {text} TEXT"
    if kind == "INTEGER" and not any(_INTEGER_NAME.fullmatch(word) for word in words):
        culprit = next((word for word in words if "INT" in word.upper()), declared)
        if any(word.startswith(_REAL_NAMES) for word in upper):
            return f"which has INTEGER affinity, for {culprit} holds INT", "declare it REAL"
        return f"which has INTEGER affinity, for {culprit} holds INT: text that looks like a number becomes one", (
            "declare it TEXT, BLOB or NUMERIC"
        )
    return None


def _file(table: Table, column: Column) -> str:
    return column.file or table.file
