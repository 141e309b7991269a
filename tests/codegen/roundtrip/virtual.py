"""The round trip of a virtual table: rows in, found, changed, out, as far as its module can do so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .annotations import conforms
from .guesses import guess
from .report import NO_ROW, TableOutcome

if TYPE_CHECKING:
    from random import Random

    from codegen.reading.catalog import Table

    from .package import Built, TableCode

_TRIES = 200


def drive_virtual(built: Built, table: Table, random: Random) -> TableOutcome:
    """Insert, get, update, search and delete, each where the module has it."""
    outcome = TableOutcome(table.name)
    code = built.tables.get(table.name)
    if code is None:
        outcome.fail("there is no module for it")
        return outcome
    built.raw.execute("SAVEPOINT virtual")
    try:
        _drive(built, code, outcome, random)
    except Exception as error:  # a fault of the generated code
        outcome.fail(f"{type(error).__name__}: {error}")
    finally:
        built.raw.execute("ROLLBACK TO virtual")
        built.raw.execute("RELEASE virtual")
    return outcome


def _typed(code: TableCode, row: Any, outcome: TableOutcome) -> None:
    for name, annotation in code.row_types.items():
        if not conforms(getattr(row, name), annotation):
            outcome.fail(f"{name} is {getattr(row, name)!r:.60}, annotated {annotation}")


def _inserted(built: Built, code: TableCode, outcome: TableOutcome, random: Random) -> list[Any]:
    rows: list[Any] = []
    for _ in range(_TRIES):
        given = {name: guess(kind, code.pool, random) for name, (kind, _) in code.parameters("insert").items()}
        built.raw.execute("SAVEPOINT try")
        try:
            rows.append(code.module.insert(built.conn, **given))
        except built.failure as error:
            built.raw.execute("ROLLBACK TO try")
            outcome.reason = f"{type(error).__name__}: {error.message}"
        built.raw.execute("RELEASE try")
        if len(rows) == 4:
            break
    return rows


def _drive(built: Built, code: TableCode, outcome: TableOutcome, random: Random) -> None:
    for row in code.module.list_all(built.conn) if code.has("list_all") else ():
        _typed(code, row, outcome)
    if not code.has("insert"):
        outcome.remarks.append("it is read only")
        return
    rows = _inserted(built, code, outcome, random)
    if not rows:
        outcome.status = NO_ROW
        return
    for row in rows:
        _typed(code, row, outcome)
        key = {name: getattr(row, name) for name in code.key}
        if code.key and code.module.get(built.conn, **key) != row:
            outcome.fail(f"get: {code.module.get(built.conn, **key)!r:.200} for {row!r:.200}")
    if code.has("search"):
        _searched(built, code, rows, outcome)
    if code.has("update") and code.key:
        wanted = code.parameters("update")
        key = {name: getattr(rows[0], name) for name in code.key}
        same = {
            name: getattr(rows[0], name)
            for name, (_, optional) in wanted.items()
            if optional and hasattr(rows[0], name)
        }
        if code.module.update(built.conn, **key, **same) is None:
            outcome.fail("update: it does not find the row")
    if code.has("delete") and code.key:
        for row in rows:
            key = {name: getattr(row, name) for name in code.key}
            if not code.module.delete(built.conn, **key) or code.module.get(built.conn, **key) is not None:
                outcome.fail("delete: the row is still there")


def _searched(built: Built, code: TableCode, rows: list[Any], outcome: TableOutcome) -> None:
    words = {
        value
        for row in rows
        for name in code.row_types
        if isinstance(value := getattr(row, name), str) and value.isascii() and value.isalpha() and len(value) > 3
    }
    for word in sorted(words):
        for row in code.module.search(built.conn, match=f'"{word}"'):
            _typed(code, row, outcome)
