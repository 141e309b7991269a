"""What CHECKs prove, turned into facts of columns: NOT NULL, storage classes, and the values of a choice."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from .checks import ANYTHING, CLASSES, passing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .catalog import Column, Literal, Table
    from .tokens import Token

# Integers up to here are exact as floats, so that an integer column keeps no float that equals one of them.
_EXACT = 2**53
_AFFINITIES = {"INTEGER": "INTEGER", "TEXT": "TEXT", "REAL": "REAL", "NUMERIC": "NUMERIC", "BLOB": "BLOB"}


def confined(table: Table, checks: Sequence[Sequence[Token]], rowid_column: str | None) -> tuple[Column, ...]:
    """The table's columns with what its CHECKs prove about them."""
    return tuple(_confined(table, column, checks, column.name == rowid_column) for column in table.columns)


def _confined(table: Table, column: Column, checks: Sequence[Sequence[Token]], is_rowid: bool) -> Column:
    passes = ANYTHING
    for check in checks:
        passes = passes.both(passing(check, table.name, column.name))
    if passes == ANYTHING:
        return column
    choices = _choices(column, table.strict, passes.values, passes.classes) if passes.values else None
    classes = passes.classes
    if choices is not None:
        classes &= frozenset({"text" if isinstance(value, str) else "integer" for value in choices})
    return replace(
        column,
        # A NULL for the rowid column becomes a number before a CHECK sees it.
        not_null=column.not_null or (not passes.null and not is_rowid),
        choices=choices,
        stores=classes if classes and classes != CLASSES else None,
    )


def _choices(
    column: Column, strict: bool, values: tuple[Literal, ...], classes: frozenset[str]
) -> tuple[Literal, ...] | None:
    """What the column holds where it equals one of the values; None where that cannot be told for sure.

    The affinity of a column changes what is stored and what is compared (https://www.sqlite.org/datatype3.html): `IN
    (1)` lets the text '1' into a TEXT column and 1.0 into one without a type. A collation lets other spellings in.
    """
    affinity = "BLOB" if strict and column.declared.upper() == "ANY" else _affinity(column.declared)
    stored = tuple(dict.fromkeys(_stored(affinity, value) for value in values))
    kept = tuple(value for value in stored if isinstance(value, (str, int)))
    if len(kept) != len(stored):
        return None
    if all(isinstance(value, str) for value in kept):
        return kept if column.collation == "BINARY" else None
    if all(isinstance(value, int) and abs(value) < _EXACT for value in kept):
        whole = affinity in ("INTEGER", "NUMERIC") or classes == {"integer"}
        return kept if whole else None
    return None


def _affinity(declared: str) -> str:
    """https://www.sqlite.org/datatype3.html#determination_of_column_affinity."""
    words = declared.upper()
    if "INT" in words:
        return "INTEGER"
    if any(word in words for word in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if not words or "BLOB" in words:
        return "BLOB"
    return "REAL" if any(word in words for word in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


@lru_cache(maxsize=4096)
def _stored(affinity: str, value: Literal) -> object:
    """What a column of that affinity keeps of a value; SQLite is asked."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.execute(f"CREATE TABLE t (x {_AFFINITIES[affinity]})")
        connection.execute("INSERT INTO t VALUES (?)", (value,))
        found: object = connection.execute("SELECT x FROM t").fetchone()[0]
        return found
    except (sqlite3.Error, OverflowError):
        return None
    finally:
        connection.close()
