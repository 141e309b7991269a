"""Rows that SQLite accepts, found by trying: parents first, so that foreign keys have something to point at."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .annotations import conforms, members
from .guesses import guess, stored

if TYPE_CHECKING:
    from random import Random

    from codegen.reading.catalog import ForeignKey, Table

    from .package import Built, TableCode

TRIES = 1000
WANTED = 3  # rows of a table that stay, for others to point at


@dataclass
class Found:
    """Rows of a table as its insert gave them, what was given for each, why the other tries were refused, and where
    `get` found another row than `insert` gave."""

    rows: list[Any] = field(default_factory=list)
    given: list[dict[str, Any]] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)

    @property
    def reason(self) -> str:
        return self.refusals.most_common(1)[0][0] if self.refusals else ""


def in_order(tables: tuple[Table, ...]) -> list[Table]:
    """The tables, each after those that its foreign keys name; a circle is broken where it was entered."""
    by_name = {table.name.lower(): table for table in tables}
    done: dict[str, Table] = {}
    entered: set[str] = set()
    for first in tables:
        stack = [(first, False)]
        while stack:
            table, ready = stack.pop()
            name = table.name.lower()
            if ready:
                done[name] = table
            elif name not in entered:
                entered.add(name)
                stack.append((table, True))
                parents = [by_name.get(key.table.lower()) for key in table.foreign_keys]
                stack += [(one, False) for one in parents if one is not None and one.name.lower() not in entered]
    return list(done.values())


def candidate(code: TableCode, seeds: dict[str, Found], random: Random) -> dict[str, Any]:
    """Arguments for `insert` that may suit: foreign keys point at rows that are there, defaults are left to SQLite at
    times."""
    wanted = code.parameters("insert")
    given: dict[str, Any] = {}
    for name, (annotation, optional) in wanted.items():
        if not optional or random.random() < 0.6:
            given[name] = guess(annotation, code.pool, random, code.attributes.get(name, ""))
    pointed: dict[str, Any] = {}
    for key in code.table.foreign_keys:
        if random.random() < 0.95:
            _point(code, key, seeds, pointed, random)
    if random.random() < 0.3:  # a trigger may ask for rows that no foreign key names
        pointed = _keys(wanted, seeds, random) | pointed
    for name, value in pointed.items():
        if name in wanted and not (value is None and not conforms(None, wanted[name][0])):
            given[name] = _as(value, wanted[name][0])
    return given


def _keys(wanted: dict[str, Any], seeds: dict[str, Found], random: Random) -> dict[str, Any]:
    """For each whole number the first column of a row that is there, of whatever table."""
    filled = [found.rows for found in seeds.values() if found.rows]
    if not filled:
        return {}
    rows = random.choice(filled)
    return {
        name: getattr(random.choice(rows), next(iter(_columns_of(rows[0]).values())))
        for name, (annotation, _) in wanted.items()
        if int in members(annotation) and random.random() < 0.7
    }


def _point(code: TableCode, key: ForeignKey, seeds: dict[str, Found], pointed: dict[str, Any], random: Random) -> None:
    """Let the columns of a foreign key name a row that is there, in keeping with what other foreign keys chose."""
    own = [code.columns.get(column) for column in key.columns]
    if key.table.lower() == code.table.name.lower() and random.random() < 0.5:
        for attribute in own:
            if attribute is not None:
                pointed.setdefault(attribute, None)
        return
    parent = seeds.get(key.table.lower())
    if parent is None or not parent.rows:
        return
    row = random.choice(parent.rows)
    lower = {column.lower(): attribute for column, attribute in _columns_of(row).items()}
    values = [getattr(row, lower.get(target.lower(), ""), None) for target in key.targets]
    if any(attribute in pointed and pointed[attribute] != value for attribute, value in zip(own, values, strict=False)):
        return
    pointed.update({attribute: value for attribute, value in zip(own, values, strict=False) if attribute is not None})


_COLUMNS: dict[type, dict[str, str]] = {}


def _columns_of(row: Any) -> dict[str, str]:
    return _COLUMNS.get(type(row), {})


def _as(value: Any, annotation: Any) -> Any:
    """The parent's value in the type of the child's column, where the two are declared differently."""
    if value is None or conforms(value, annotation):
        return value
    for kind in members(annotation):
        try:
            if kind is str:
                return str(value)
            if kind is int:
                return int(value)
            if kind is float:
                return float(value)
        except (TypeError, ValueError):
            continue
    return value


def find(
    built: Built,
    code: TableCode,
    seeds: dict[str, Found],
    random: Random,
    *,
    tries: int = TRIES,
    wanted: int = WANTED,
    forced: dict[str, Any] | None = None,
) -> Found:
    """Insert rows until `wanted` of them are accepted; they stay. forced: arguments that each try has."""
    _COLUMNS[code.row_class] = code.columns
    found = Found()
    for _ in range(tries):
        if len(found.rows) >= wanted:
            break
        given = candidate(code, seeds, random) | (forced or {})
        built.raw.execute("SAVEPOINT try")
        try:
            row = code.module.insert(built.conn, **given)
            stored = code.stored(built.conn, row)
            built.raw.execute("RELEASE try")  # deferred foreign keys are looked at here
        except built.failure as error:
            found.refusals[f"{type(error).__name__}: {error.message}"] += 1
        except sqlite3.IntegrityError as error:
            found.refusals[str(error)] += 1
        else:
            if stored is None or stored != row:
                found.unlike.append(f"insert: {row!r:.200} was returned, {stored!r:.200} is stored")
            found.rows.append(row)
            found.given.append(given)
        finally:
            _undo(built.raw, "try")
    return found


def accepted_raw(built: Built, code: TableCode, random: Random, tries: int = TRIES) -> tuple[Any, ...] | None:
    """A row that SQLite itself accepts, found without any generated code; None where no try was accepted."""
    columns = [one for one in code.table.columns if not one.generated]
    names = ", ".join('"' + one.name.replace('"', '""') + '"' for one in columns)
    table = '"' + code.table.name.replace('"', '""') + '"'
    sql = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"
    for _ in range(tries):
        values = tuple(stored(one.declared, code.pool, random) for one in columns)
        built.raw.execute("SAVEPOINT raw")
        try:
            if built.raw.execute(sql, values).rowcount:
                return values
        except sqlite3.Error:
            continue
        finally:
            _undo(built.raw, "raw")
    return None


def _undo(raw: sqlite3.Connection, name: str) -> None:
    """Undo the savepoint where it is open still: RAISE(ROLLBACK) and ON CONFLICT ROLLBACK end it with all else."""
    with suppress(sqlite3.OperationalError):
        raw.execute(f"ROLLBACK TO {name}")
        raw.execute(f"RELEASE {name}")
