"""Everything for one schema: generate, import, find rows, walk every table, compare every claim of nullability."""

from __future__ import annotations

import sqlite3
from random import Random
from typing import TYPE_CHECKING, Any

from . import nullability
from .annotations import conforms
from .package import Built, TableCode, build
from .report import FAILED, NO_ROW, SchemaOutcome, TableOutcome
from .seeds import Found, accepted_raw, find, in_order
from .virtual import drive_virtual
from .walk import Walk

if TYPE_CHECKING:
    from pathlib import Path


def run(name: str, schemas: tuple[Path, ...], folder: Path, seed: int = 1) -> SchemaOutcome:
    """The outcome of a schema whose package is generated at `folder`/`name`. Nothing is raised but what a fault of the
    harness itself raises: what the generator gets wrong stands in the outcome."""
    outcome = SchemaOutcome(name)
    try:
        built = build(name, schemas, folder)
    except Exception as error:  # whatever it is, there is no package
        outcome.error = f"{type(error).__name__}: {error}"
        return outcome
    try:
        drive(built, outcome, Random(seed))
    finally:
        built.close()
    return outcome


def drive(built: Built, outcome: SchemaOutcome, random: Random) -> None:
    """Fill `outcome`."""
    catalog = built.catalog
    outcome.notes = built.notes
    outcome.views, outcome.virtual = len(catalog.views), len(catalog.virtual_tables)
    relations = (*catalog.tables, *catalog.views, *catalog.virtual_tables)
    outcome.columns = sum(len(table.columns) for table in relations)
    seeds: dict[str, Found] = {}
    by_name: dict[str, TableOutcome] = {}
    loose: set[str] = set()
    ordered = in_order(catalog.tables)
    for _ in range(2):  # a trigger may ask for rows of a table that no foreign key names, and that comes later
        for table in ordered:
            if table.name not in by_name or by_name[table.name].status == NO_ROW:
                by_name[table.name] = _seeded(built, built.tables[table.name], seeds, loose, random)
    outcome.tables = [by_name[table.name] for table in catalog.tables]
    for table in ordered:
        if by_name[table.name].status not in (NO_ROW, FAILED):
            _foreign_keys(built, table.name not in loose)
            Walk(built, built.tables[table.name], seeds, random).run(by_name[table.name])
    _foreign_keys(built, False)
    for virtual in catalog.virtual_tables:
        outcome.others.append(drive_virtual(built, virtual, random))
    for view in catalog.views:
        outcome.others.append(_read_view(built, view.name))
    for table in ordered:
        if by_name[table.name].status != NO_ROW:
            nullability.compare(built, built.tables[table.name], outcome, random)


def _foreign_keys(built: Built, on: bool) -> None:
    built.raw.execute(f"PRAGMA foreign_keys = {int(on)}")


def _seeded(built: Built, code: TableCode, seeds: dict[str, Found], loose: set[str], random: Random) -> TableOutcome:
    """Find the rows of a table that stay; where foreign keys forbid every row, once more as SQLite is by default,
    with foreign keys off."""
    outcome = TableOutcome(code.table.name)
    key = code.table.name.lower()
    try:
        _foreign_keys(built, True)
        found = find(built, code, seeds, random)
        if not found.rows:
            _foreign_keys(built, False)
            found = find(built, code, seeds, random)
            if found.rows:
                loose.add(code.table.name)
                outcome.remarks.append("rows are accepted with foreign keys off only")
        _none_found(built, code, found, outcome, random)
    except Exception as error:  # a fault of the generated code, or of this search: both are to be seen
        outcome.fail(f"insert: {type(error).__name__}: {error}")
        found = Found()
    seeds[key] = found
    return outcome


def _none_found(built: Built, code: TableCode, found: Found, outcome: TableOutcome, random: Random) -> None:
    unreadable = [reason for reason in found.refusals if reason.startswith("DecodeError")]
    if unreadable:
        outcome.fail(f"insert: {unreadable[0]}")
    if found.rows:
        return
    raw = accepted_raw(built, code, random)
    if raw is not None:
        outcome.fail(f"SQLite accepts {raw!r:.200}, the generated code no row: {found.reason}")
    elif not unreadable:
        outcome.status, outcome.reason = NO_ROW, found.reason


def _read_view(built: Built, name: str) -> TableOutcome:
    """Read a view in every way it has; each value is of the type that is claimed."""
    outcome = TableOutcome(name)
    code = built.tables.get(name)
    if code is None:
        outcome.fail("there is no module for it")
        return outcome
    try:
        built.raw.execute(f'SELECT * FROM "{name.replace(chr(34), chr(34) * 2)}"').fetchall()
    except sqlite3.Error as error:
        outcome.status, outcome.reason = NO_ROW, str(error)
        return outcome
    try:
        rows: list[Any] = code.module.list_all(built.conn)
        for row in rows:
            for attribute, annotation in code.row_types.items():
                if not conforms(getattr(row, attribute), annotation):
                    outcome.fail(f"{attribute} is {getattr(row, attribute)!r:.60}, annotated {annotation}")
        if code.module.count(built.conn) != len(rows) or len(list(code.module.iterate(built.conn))) != len(rows):
            outcome.fail("count or iterate differs from list_all")
    except Exception as error:  # a fault of the generated code
        outcome.fail(f"{type(error).__name__}: {error}")
    return outcome
