"""What a change of schema can do to the data: values that are lost, and rows on which it can fail.

Both schemas bear the same names here: renames are done already.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..sqltext import quote
from .text import lower
from .virtual import EXTERNAL, SELF_CONTAINED, kept_language, language_column, storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .model import Schema, Table
    from .table import Column

LOST, CAN_FAIL = "lost", "can fail"


@dataclass(frozen=True, slots=True)
class Loss:
    """kind: lost or can fail. what: in words. table, column: where, in lower case; column "" for the whole table."""

    kind: str
    what: str
    table: str
    column: str = ""


def find(
    source: Schema, target: Schema, fill: Mapping[tuple[str, str], str], connection: sqlite3.Connection
) -> list[Loss]:
    """Every loss on the way. fill: by table and column (lower case) the expression that old rows get in a new column or
    in place of NULL. connection: where the CHECKs of new columns are tried with their defaults."""
    found: list[Loss] = []
    for name, before in source.tables.items():
        after = target.tables.get(name)
        if after is None or after.module != before.module:
            found += _dropped(before)
        elif before.module:
            found += _virtual(before, after)
        else:
            found += _Pair(source, target, before, after, fill, connection).losses()
    return found


def affinity(declared: str) -> str:
    """https://www.sqlite.org/datatype3.html#determination_of_column_affinity"""
    for words, result in ((("int",), "INTEGER"), (("char", "clob", "text"), "TEXT"), (("blob",), "BLOB")):
        if any(word in declared for word in words):
            return result
    if not declared:
        return "BLOB"
    return "REAL" if any(word in declared for word in ("real", "floa", "doub")) else "NUMERIC"


def stored_affinity(table: Table, column: Column) -> str:
    """The affinity of a column; ANY in a STRICT table changes nothing (https://www.sqlite.org/stricttables.html)."""
    return "BLOB" if table.strict and column.type == "any" else affinity(column.type)


def _strict(declared: str) -> str:
    return "integer" if declared == "int" else declared


def _dropped(table: Table) -> Iterator[Loss]:
    if not table.module or storage(table) == SELF_CONTAINED:
        yield Loss(LOST, f"table {table.name} with all its rows", lower(table.name))
    elif storage(table) != EXTERNAL:
        yield Loss(LOST, f"virtual table {table.name} with what only it holds", lower(table.name))


def _virtual(before: Table, after: Table) -> Iterator[Loss]:
    if before.meaning(ordered=True) == after.meaning(ordered=True):
        return
    if EXTERNAL in (storage(before), storage(after)) and storage(after) == EXTERNAL:
        return
    if storage(after) not in (SELF_CONTAINED, EXTERNAL) or storage(before) not in (SELF_CONTAINED, EXTERNAL):
        yield Loss(LOST, f"what virtual table {after.name} holds: it is made anew, empty", lower(after.name))
        return
    for column in before.columns:
        if after.column(column.key) is None:
            what = f"column {before.name}.{column.name} with its values"
            yield Loss(LOST, what, lower(before.name), column.key)
    if (language := language_column(before)) and not kept_language(before, after):
        yield Loss(LOST, f"column {before.name}.{language} with its values", lower(before.name), lower(language))


@dataclass(slots=True)
class _Pair:
    """An ordinary table before and after."""

    source: Schema
    target: Schema
    before: Table
    after: Table
    fill: Mapping[tuple[str, str], str]
    connection: sqlite3.Connection
    name: str = ""
    # Columns whose stored values are not what they were: converted, computed anew, filled in.
    changed: set[str] = field(default_factory=set)

    def losses(self) -> list[Loss]:
        self.name = self.after.name
        found = [*self.columns(), *self.rowids()]
        if self.changed:
            self.changed |= {column.key for column in self.after.columns if column.expression}
        found += [*self.options(), *self.keys(), *self.checks(), *self.foreign_keys()]
        return found

    def loss(self, kind: str, what: str, column: str = "") -> Loss:
        return Loss(kind, what, lower(self.after.name), column)

    def columns(self) -> Iterator[Loss]:
        for old in self.before.columns:
            new, where = self.after.column(old.key), f"{self.name}.{old.name}"
            if new is None:
                if not old.expression:
                    yield self.loss(LOST, f"column {where} with its values", old.key)
                continue
            if new.expression:
                if new.expression != old.expression or new.type != old.type:
                    self.changed.add(old.key)
                if not old.expression:
                    yield self.loss(LOST, f"values of {where}: it is computed from now on", old.key)
                if new.not_null and not old.not_null:
                    yield self.loss(CAN_FAIL, f"rows where {where} would be computed as NULL", old.key)
                continue
            yield from self.converted(old, new, where)
            rowid = self.before.rowid_column == old.key
            if self.after.not_null(new) and not self.before.not_null(old) and not rowid:
                value = self.fill.get((lower(self.name), new.key))
                if value is None:
                    yield self.loss(CAN_FAIL, f"rows where {where} is NULL, for it becomes NOT NULL", old.key)
                else:
                    self.changed.add(old.key)
                    yield self.loss(LOST, f"NULL in {where}: it becomes {value}", old.key)
        for new in self.after.columns:
            if self.before.column(new.key) is None and new.expression and new.not_null:
                what = f"rows where {self.name}.{new.name} would be computed as NULL"
                yield self.loss(CAN_FAIL, what, new.key)

    def converted(self, old: Column, new: Column, where: str) -> Iterator[Loss]:
        before, after = stored_affinity(self.before, old), stored_affinity(self.after, new)
        if before != after and after != "BLOB" and {before, after} != {"INTEGER", "NUMERIC"}:
            self.changed.add(old.key)
            yield self.loss(LOST, f"values of {where} as they are: {before} becomes {after}, SQLite converts", old.key)
        if new.collation != old.collation:
            self.changed.add(old.key)

    def rowids(self) -> Iterator[Loss]:
        before, after = self.before, self.after
        if before.autoincrement and not after.autoincrement:
            yield self.loss(LOST, f"the highest {before.rowid_column} that {self.name} ever gave: it can come again")
        new = after.rowid_column
        if new is not None and new != before.rowid_column and before.column(new) is not None:
            yield self.loss(CAN_FAIL, f"rows where {self.name}.{new} is no integer, or one that another row has", new)
        if not before.without_rowid and before.rowid_column is None and not keeps_rowid(before, after):
            yield self.loss(LOST, f"the rowids of {self.name}")

    def options(self) -> Iterator[Loss]:
        if self.after.strict:
            for column in self.after.columns:
                old = self.before.column(column.key)
                same = old is not None and self.before.strict and _strict(old.type) == _strict(column.type)
                if old is not None and not same and column.type != "any":
                    what = f"rows where {self.name}.{column.name} is not {column.type.upper()}, for the table is STRICT"
                    yield self.loss(CAN_FAIL, what, column.key)

    def keys(self) -> Iterator[Loss]:
        held = [one.columns for one in self.before.constraints if one.kind in ("primary key", "unique")]
        partial = {one.text for one in self.source.indexes.values() if one.unique}
        for one in self.after.constraints:
            if one.kind in ("primary key", "unique") and not self.unique(one.columns, held):
                if one.columns == (self.after.rowid_column,):
                    continue
                what = f"rows of {self.name} that are equal in ({', '.join(one.columns)})"
                yield self.loss(CAN_FAIL, what)
        for index in self.target.indexes.values():
            own = index.unique and index.table == lower(self.after.name)
            if own and (index.text not in partial or index.names & self.changed):
                yield self.loss(CAN_FAIL, f"rows of {self.name} that are equal under the unique index {index.name}")

    def unique(self, columns: tuple[str, ...], held: list[tuple[str, ...]]) -> bool:
        """Whether no two old rows can be equal in these columns."""
        if any(set(key) <= set(columns) and not self.changed & set(key) for key in held):
            return True
        return any(self.starts_null(name) for name in columns)

    def starts_null(self, name: str) -> bool:
        """Whether a column is new, and NULL in every old row."""
        column = self.after.column(name)
        if column is None or self.before.column(name) is not None or column.expression:
            return False
        return not column.default and (lower(self.name), name) not in self.fill and name != self.after.rowid_column

    def checks(self) -> Iterator[Loss]:
        held = {one.text.partition("check (")[2] for one in self.before.constraints if one.kind == "check"}
        for one in self.after.constraints:
            if one.kind != "check":
                continue
            if one.text.partition("check (")[2] in held and not self.changed & set(one.columns):
                continue
            if not self.passes(one.columns, one.condition):
                yield self.loss(CAN_FAIL, f"rows of {self.name} for which CHECK ({one.condition}) is false")

    def passes(self, columns: tuple[str, ...], condition: str) -> bool:
        """Whether a CHECK speaks of new columns alone and their defaults pass it."""
        values = []
        for name in columns:
            column = self.after.column(name)
            if column is None or self.before.column(name) is not None or column.expression:
                return False
            if not column.constant or (lower(self.name), name) in self.fill or name == self.after.rowid_column:
                return False
            values.append(f"{column.default_source or 'NULL'} AS {quote(column.name)}")
        try:
            row = self.connection.execute(f"SELECT {condition} FROM (SELECT {', '.join(values)})").fetchone()
        except sqlite3.Error:
            return False
        return bool(values) and (row[0] is None or bool(row[0]))

    def foreign_keys(self) -> Iterator[Loss]:
        held = {one.text for one in self.before.constraints}
        for one in self.after.constraints:
            if one.kind != "foreign key" or any(self.starts_null(name) for name in one.columns):
                continue
            orphaned = one.table in self.source.tables and one.table not in self.target.tables
            if one.text not in held or orphaned or self.changed & set(one.columns):
                what = f"rows of {self.name} without a parent in {one.table} for ({', '.join(one.columns)})"
                yield self.loss(CAN_FAIL, what)


def keeps_rowid(before: Table, after: Table) -> bool:
    """Whether a rebuild gives every row the rowid that it had."""
    if before.rowid is None or after.without_rowid:
        return False
    if after.rowid_column is not None:
        return after.rowid_column == before.rowid_column or before.column(after.rowid_column) is None
    return after.rowid is not None
