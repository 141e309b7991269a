"""From one schema to another: the statements, each tried in `:memory:` as it is chosen, and what they can lose.

The plan is made twice. The first time every view and trigger is out of the way, for ALTER TABLE … RENAME and DROP
COLUMN fail over any that does not fit the schema of the moment; that tells which tables are touched. The second time
only those views and triggers are dropped and put back that change or mention a touched table, directly or through
other views; should SQLite refuse that, the first plan is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..sqltext import quote
from . import losses, virtual
from .changes import alter
from .rebuilding import rebuild, rebuild_virtual
from .renames import Renames, same_kind
from .text import lower
from .trial import Step, Trial, TrialFailed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from .building import Application, Built
    from .fillers import Filler
    from .losses import Loss
    from .model import Item, Schema, Table


@dataclass(slots=True)
class Plan:
    """steps: the migration. lost: what it can lose. rebuilt: tables, in lower case. filled: by table and column what
    old rows get in a new column."""

    steps: list[Step]
    lost: list[Loss]
    rebuilt: set[str] = field(default_factory=set)
    filled: Mapping[tuple[str, str], str] = field(default_factory=dict)


def plan(
    application: Application, source: Built, target: Built, renames: Renames, filler: Filler, *, ordered: bool
) -> Plan:
    """The way from source to target. filler: what old rows get in new columns. ordered: the order of columns counts.

    Raises TrialFailed with the statement where SQLite refuses every way, and what `filler` raises.
    """
    first = _Planner(application, source.schema, target, renames, filler, ordered)
    wide = first.run(source.connection, everything=True)
    second = _Planner(application, source.schema, target, renames, filler, ordered, first.touched, wide.rebuilt)
    try:
        return second.run(source.connection, everything=False)
    except TrialFailed:
        return wide


@dataclass(slots=True)
class _Planner:
    application: Application
    source: Schema
    target: Built
    renames: Renames
    filler: Filler
    ordered: bool
    touched: set[str] = field(default_factory=set)
    expected: set[str] = field(default_factory=set)  # tables that will be rebuilt: their indexes go by themselves
    rebuilt: set[str] = field(default_factory=set)
    refilled: set[str] = field(default_factory=set)  # external-content indexes that no longer fit their rows

    def run(self, connection: sqlite3.Connection, *, everything: bool) -> Plan:
        copied = self.application.copy(connection)
        try:
            trial = Trial(copied, self.application)
            self.drop_items(trial, everything=everything)
            self.rename(trial)
            current, fills = trial.schema(), {}
            for name, table in self.target.schema.tables.items():
                before = current.tables.get(name)
                if before is not None and not table.module and same_kind(before, table):
                    fills[name] = self.filler(table, before, current, self.target.schema)
            every = {(name, column): value for name, fill in fills.items() for column, value in fill.items()}
            lost = losses.find(current, self.target.schema, every, copied)
            self.drop_indexes(trial, current)
            self.change_tables(trial, current, fills, lost)
            self.add(trial)
            if trial.schema().meaning(ordered=self.ordered) != self.target.schema.meaning(ordered=self.ordered):
                raise TrialFailed("the migration gives another schema", trial.steps[-1].sql if trial.steps else "")
            new = {(name, one): value for (name, one), value in every.items() if not current.tables[name].column(one)}
            return Plan(trial.steps, lost, self.rebuilt, new)
        finally:
            copied.close()

    def drop_items(self, trial: Trial, *, everything: bool) -> None:
        """Triggers and views that change, or that stand in the way."""
        stale = self.stale()
        for kind, items in (("TRIGGER", self.source.triggers), ("VIEW", self.source.views)):
            for name, item in items.items():
                if everything or name in stale:
                    trial.run(f"DROP {kind} {quote(item.name)}")

    def stale(self) -> set[str]:
        wanted = {**self.target.schema.views, **self.target.schema.triggers}
        items: dict[str, Item] = {**self.source.views, **self.source.triggers}
        stale: set[str] = set()
        while True:
            names = self.touched | {name for name in stale if name in self.source.views}
            more = {
                name
                for name, item in items.items()
                if name not in wanted or wanted[name].text != item.text or item.names & names
            }
            if more == stale:
                return stale
            stale = more

    def rename(self, trial: Trial) -> None:
        for old, new in self.renames.tables.items():
            name = quote(self.target.schema.tables[new].name)
            trial.run(f"ALTER TABLE {quote(self.source.tables[old].name)} RENAME TO {name}")
        for table, columns in self.renames.columns.items():
            after = self.target.schema.tables[table]
            for old, new in columns.items():
                made = after.column(new)
                if made is not None and not after.module:
                    trial.run(f"ALTER TABLE {quote(after.name)} RENAME COLUMN {quote(old)} TO {quote(made.name)}")

    def drop_indexes(self, trial: Trial, current: Schema) -> None:
        for name, index in current.indexes.items():
            wanted = self.target.schema.indexes.get(name)
            gone = not same_kind(current.tables.get(index.table), self.target.schema.tables.get(index.table))
            if (wanted is None or wanted.text != index.text) and not gone and index.table not in self.expected:
                trial.run(f"DROP INDEX {quote(index.name)}")

    def change_tables(
        self, trial: Trial, current: Schema, fills: Mapping[str, Mapping[str, str]], lost: list[Loss]
    ) -> None:
        doubtful = {loss.table for loss in lost}
        for name, after in self.target.schema.tables.items():
            before = current.tables.get(name)
            if before is None or not same_kind(before, after):
                continue
            if before.meaning(ordered=self.ordered) == after.meaning(ordered=self.ordered):
                continue
            comment = f"{after.name} is rebuilt: ALTER TABLE cannot make this change."
            if after.module:
                names = self.renames.columns.get(name, {})
                rebuild_virtual(trial, before, after, names, f"{after.name} is made anew.")
                self.refilled.add(name)
            elif alter(trial, before, after, fills[name], ordered=self.ordered):
                if all(after.column(column.key) for column in before.columns):
                    continue
            else:
                rebuild(trial, before, after, fills[name], comment)
                self.rebuilt.add(name)
                if name in doubtful or not losses.keeps_rowid(before, after):
                    self.refilled |= self.indexes_over(name)
            self.touched.add(name)
        for table in _children_first(current):
            if not same_kind(table, self.target.schema.tables.get(lower(table.name))):
                self.touched.add(lower(table.name))
                trial.run(f"DROP TABLE {quote(table.name)}")

    def indexes_over(self, table: str) -> set[str]:
        return {name for name, one in self.target.schema.tables.items() if virtual.content_table(one) == table}

    def add(self, trial: Trial) -> None:
        """What the target has more: tables, indexes, views, the content of full-text indexes, triggers."""
        present, wanted = trial.schema(), self.target.schema
        for made in (False, True):
            for name, table in wanted.tables.items():
                if bool(table.module) is made and name not in present.tables:
                    trial.run(table.sql, _comment(self.target, name))
                    self.refilled.add(name)
        for name, item in wanted.indexes.items():
            if name not in present.indexes:
                trial.run(item.sql)
        for name, item in wanted.views.items():
            if name not in present.views:
                trial.run(item.sql)
        for name in sorted(self.refilled):
            self.fill(trial, wanted.tables[name])
        for name, item in wanted.triggers.items():
            if name not in present.triggers:
                trial.run(item.sql)

    def fill(self, trial: Trial, table: Table) -> None:
        statement = virtual.fill(table)
        if statement:
            try:
                with trial.attempt():
                    trial.run(statement)
            except TrialFailed:
                return  # its content table does not fit: it could not be filled by hand either


def _comment(target: Built, name: str) -> str:
    place = target.places.get(name)
    return place.doc if place is not None else ""


def _children_first(schema: Schema) -> list[Table]:
    """Tables so that each stands before those that it refers to, where they go in no circle; indexes over another
    table's rows first of all."""
    order: list[Table] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        table = schema.tables.get(name)
        if table is None or name in seen:
            return
        seen.add(name)
        for one in table.constraints:
            if one.table:
                visit(one.table)
        order.insert(0, table)

    for name, table in schema.tables.items():
        if not table.module:
            visit(name)
    return [*(table for table in schema.tables.values() if table.module), *order]
