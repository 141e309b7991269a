"""The claim of every column, `| None` or not, against what SQLite accepts: NULL goes in by plain SQL, the other columns
being those of a row that SQLite has taken, and it counts what is stored afterwards."""

from __future__ import annotations

import sqlite3
from itertools import chain, combinations, islice
from typing import TYPE_CHECKING

from .annotations import nullable
from .seeds import find

if TYPE_CHECKING:
    from random import Random

    from .package import Built, TableCode
    from .report import SchemaOutcome

_ROWS = 6  # rows of a table that are tried
_COMBINATIONS = 60  # sets of columns that are NULL together, at most
_TRIES = 300  # to find a row with NULL, after these
_WANTED = 8


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def compare(built: Built, code: TableCode, outcome: SchemaOutcome, random: Random) -> None:
    """Every column of an ordinary table that has rows. Foreign keys are off: NULL breaks none."""
    table = code.table
    rows = _raw_rows(built, code)
    if not rows:
        return
    for column in table.columns:
        attribute = code.columns[column.name]
        claim = nullable(code.row_types[attribute])
        outcome.nullabilities += 1
        takes, reason = _takes_null(built, code, column.name, rows)
        if claim and not takes:
            takes = _found_null(built, code, attribute, random)
        where = f"{table.name}.{column.name}"
        if takes and not claim:
            outcome.unsound.append(f"{where} is claimed not null and takes NULL")
        if claim and not takes:
            outcome.wide.append(f"{where} is claimed nullable: {reason}")


def _raw_rows(built: Built, code: TableCode) -> list[dict[str, object]]:
    names = [column.name for column in code.table.columns]
    columns = ", ".join(map(_quoted, names))
    sql = f"SELECT {columns} FROM {_quoted(code.table.name)} LIMIT {_ROWS}"
    return [dict(zip(names, row, strict=True)) for row in built.raw.execute(sql)]


def _takes_null(built: Built, code: TableCode, column: str, rows: list[dict[str, object]]) -> tuple[bool, str]:
    """Whether NULL can be stored in the column, and SQLite's reason against it in a row that is else as it was."""
    if any(row[column] is None for row in rows):
        return True, ""
    written = [one.name for one in code.table.columns if not one.generated]
    reason = "" if column in written else "generated, and NULL in no row that was found"
    others = [name for name in written if name != column]
    sets = chain([()], [tuple(others)], *(combinations(others, size) for size in (1, 2)))
    for together in islice(sets, _COMBINATIONS):
        for row in rows:
            stored, refusal = _stores_null(built, code.table.name, column, row, written, {column, *together})
            if stored:
                return True, ""
            reason = reason or refusal
        if refusal == f"NOT NULL constraint failed: {code.table.name}.{column}":
            break
    return False, reason


def _found_null(built: Built, code: TableCode, attribute: str, random: Random) -> bool:
    """Whether one of many rows that SQLite accepts has NULL there: CHECKs may tie columns together."""
    built.raw.execute("SAVEPOINT nulls")
    try:
        forced = {attribute: None} if attribute in code.parameters("insert") else {}
        found = find(built, code, {}, random, tries=_TRIES, wanted=_WANTED, forced=forced)
        return any(getattr(row, attribute) is None for row in found.rows)
    except TypeError:  # the form does not take None here: the column's default stands for it
        return False
    finally:
        if built.raw.in_transaction:
            built.raw.execute("ROLLBACK TO nulls")
            built.raw.execute("RELEASE nulls")


def _stores_null(
    built: Built, table: str, column: str, row: dict[str, object], written: list[str], null: set[str]
) -> tuple[bool, str]:
    raw = built.raw
    raw.execute("BEGIN")
    try:
        raw.execute(f"DELETE FROM {_quoted(table)}")
        names = ", ".join(map(_quoted, written)) if written else ""
        values = [None if name in null else row[name] for name in written]
        raw.execute(f"INSERT INTO {_quoted(table)} ({names}) VALUES ({', '.join('?' * len(values))})", values)
        found = raw.execute(f"SELECT {_quoted(column)} FROM {_quoted(table)}").fetchall()
    except sqlite3.Error as error:
        return False, str(error)
    finally:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
    return any(value is None for (value,) in found), "another value was stored" if found else "no row was stored"
