"""Random pairs of schemas, the second made from the first by a few changes, and random rows for the first.

Tables and columns have numbers of their own, so that a test knows which column of the one schema is which of the other
without asking what it tests.
"""

from __future__ import annotations

import copy
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

NAMES = ("alpha", "Beta", "order", "two words", 'qu"ote', "ünï", "key", "value", "x")
TYPES = ("TEXT", "INTEGER", "REAL", "BLOB", "", "VARCHAR(20)", "NUMERIC", "INT", "DATETIME")
STRICT_TYPES = ("TEXT", "INTEGER", "REAL", "BLOB", "ANY", "INT")
DEFAULTS = {
    "TEXT": ("'it''s'", "''", '"dq"'),
    "INTEGER": ("7", "-1", "(1 + 2)"),
    "REAL": ("1.5", "-2.5"),
    "BLOB": ("x'00ff'", "X'AB'"),
    "NUMERIC": ("5", "CURRENT_TIMESTAMP"),
}
KEYS = ("rowid", "rowid", "auto", "none", "text", "composite")


@dataclass(slots=True)
class Col:
    """A column. check: positive, choice, or "". refers: number of the table whose INTEGER PRIMARY KEY it holds, 0 for
    none. generated: number of the column that it is computed from, 0 for none."""

    number: int
    name: str
    type: str
    not_null: bool = False
    default: str = ""
    check: str = ""
    nocase: bool = False
    unique: bool = False
    refers: int = 0
    deferred: bool = False
    generated: int = 0
    stored: bool = False
    was: str = ""
    backfill: str = ""

    @property
    def affinity(self) -> str:
        """Its affinity, which is also the kind of its values here."""
        kinds = {"VARCHAR(20)": "TEXT", "INT": "INTEGER", "": "BLOB", "ANY": "BLOB", "DATETIME": "NUMERIC"}
        return kinds.get(self.type, self.type)


@dataclass(slots=True)
class Tab:
    """A table. key: rowid, auto, none, text or composite, over its first column or two."""

    number: int
    name: str
    key: str
    columns: list[Col]
    strict: bool = False
    without_rowid: bool = False
    pairs: list[tuple[str, int, int]] = field(default_factory=list)  # unique or check over two columns
    was: str = ""

    def column(self, number: int) -> Col | None:
        return next((column for column in self.columns if column.number == number), None)


@dataclass(slots=True)
class Extra:
    """An index, view, trigger or full-text index on a table (of a view on a view: `under` is the number of that view).
    style: what it is in detail."""

    kind: str
    number: int
    table: int
    columns: list[int]
    style: str = ""
    under: int = 0


@dataclass(slots=True)
class World:
    """A whole schema."""

    tables: list[Tab]
    extras: list[Extra]

    def table(self, number: int) -> Tab | None:
        return next((table for table in self.tables if table.number == number), None)


class Maker:
    """Makes worlds out of one source of chance."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.number = 0

    def next(self) -> int:
        self.number += 1
        return self.number

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def name(self, number: int) -> str:
        return f"{self.random.choice(NAMES)}{number}"

    def world(self) -> World:
        world = World([], [])
        for _ in range(self.random.randint(1, 3)):
            self.add_table(world)
        for _ in range(self.random.randint(0, 5)):
            self.add_extra(world)
        return world

    def column(self, world: World, strict: bool) -> Col:
        number = self.next()
        column = Col(number, self.name(number), self.random.choice(STRICT_TYPES if strict else TYPES))
        if self.chance(0.4):
            column.default = self.random.choice(DEFAULTS[column.affinity])
        column.not_null = self.chance(0.3)
        if column.affinity in ("INTEGER", "REAL") and self.chance(0.2):
            column.check = "positive"
            column.default = "7" if column.default else ""
        if column.affinity == "TEXT" and self.chance(0.2):
            column.check = "choice"
            column.default = "'a'" if column.default else ""
        column.nocase = column.affinity == "TEXT" and self.chance(0.15)
        column.unique = self.chance(0.1)
        parents = [table.number for table in world.tables if table.key in ("rowid", "auto")]
        if column.affinity == "INTEGER" and not column.check and parents and self.chance(0.4):
            column.refers, column.default = self.random.choice(parents), ""
            column.deferred = self.chance(0.3)
        return column

    def add_table(self, world: World) -> None:
        number = self.next()
        strict = self.chance(0.2)
        key = self.random.choice(KEYS)
        first = Col(self.next(), "id", "INTEGER" if key in ("rowid", "auto") else "TEXT")
        columns = [first, *(self.column(world, strict) for _ in range(self.random.randint(1, 4)))]
        if key == "composite":
            columns.insert(1, Col(self.next(), "part", "INTEGER"))
        table = Tab(number, self.name(number), key, columns, strict)
        table.without_rowid = key in ("text", "composite") and self.chance(0.4)
        if self.chance(0.3):
            self.add_generated(table)
        if self.chance(0.3):
            self.add_pair(table)
        world.tables.append(table)

    def add_generated(self, table: Tab) -> None:
        base = self.random.choice([column for column in table.columns if not column.generated])
        number = self.next()
        made = Col(number, self.name(number), "TEXT", generated=base.number, stored=self.chance(0.4))
        table.columns.append(made)

    def add_pair(self, table: Tab) -> None:
        plain = [column.number for column in table.columns if not column.generated]
        if len(plain) > 1:
            left, right = self.random.sample(plain, 2)
            table.pairs.append((self.random.choice(("unique", "check")), left, right))

    def add_extra(self, world: World) -> None:
        table = self.random.choice(world.tables)
        kind = self.random.choice(("index", "index", "view", "trigger", "fts"))
        numbers = [column.number for column in table.columns]
        columns = self.random.sample(numbers, min(len(numbers), self.random.randint(1, 2)))
        style = ""
        if kind == "index":
            style = self.random.choice(("plain", "unique", "partial", "expression", "descending"))
        elif kind == "trigger":
            style = self.random.choice(("INSERT", "UPDATE", "DELETE"))
        elif kind == "fts":
            columns = [one for one in columns if (found := table.column(one)) is not None and not found.generated]
            style = "external" if not table.without_rowid and table.key in ("rowid", "auto") else "own"
            style = style if self.chance(0.7) else "own"
            if not columns:
                return
        views = [one.number for one in world.extras if one.kind == "view"]
        under = self.random.choice(views) if kind == "view" and views and self.chance(0.5) else 0
        world.extras.append(Extra(kind, self.next(), table.number, columns, style, under))

    def changed(self, world: World) -> World:
        """Another world by one to four changes, with what they break left out."""
        first, world = world, copy.deepcopy(world)
        changes = (
            self.add_column, self.add_column, self.drop_column, self.rename_column, self.change_column,
            self.change_column, self.add_or_drop_table, self.rename_table, self.change_table, self.change_extras,
            self.change_extras,
        )  # fmt: skip
        for _ in range(self.random.randint(1, 4)):
            self.random.choice(changes)(world)
        self.settle(first, world)
        return pruned(world)

    def settle(self, first: World, world: World) -> None:
        """What is new has no old name, and a value for old rows where it needs one."""
        for table in world.tables:
            before = first.table(table.number)
            if before is None:
                table.was = ""
            for place, column in enumerate(table.columns):
                column.backfill = self.backfill(column) if column.backfill else ""
                if before is None or before.column(column.number) is None:
                    column.was = ""
                    keyed = place < 2 and table.key == "composite"
                    if (column.not_null or keyed) and not column.default and not column.generated:
                        column.backfill = self.backfill(column)

    def add_column(self, world: World) -> None:
        table = self.random.choice(world.tables)
        if self.chance(0.2):
            self.add_generated(table)
            return
        column = self.column(world, table.strict)
        column.backfill = self.backfill(column) if self.chance(0.3) else ""
        table.columns.insert(len(table.columns) if self.chance(0.8) else self.random.randint(1, 2), column)

    def backfill(self, column: Col) -> str:
        if column.refers:
            column.not_null = False
            return ""
        said = {"positive": "7 + 1", "choice": "'b'"}.get(column.check)
        return said or DEFAULTS[column.affinity][0].replace('"', "'")

    def loose(self, table: Tab) -> list[Col]:
        """The columns outside the primary key."""
        return table.columns[2 if table.key == "composite" else 1 :]

    def drop_column(self, world: World) -> None:
        table = self.random.choice(world.tables)
        loose = self.loose(table)
        if len(loose) > 1:
            table.columns.remove(self.random.choice(loose))

    def rename_column(self, world: World) -> None:
        column = self.random.choice(self.random.choice(world.tables).columns)
        if not column.was:
            column.was, column.name = column.name, self.name(self.next())

    def rename_table(self, world: World) -> None:
        table = self.random.choice(world.tables)
        if not table.was:
            table.was, table.name = table.name, self.name(self.next())

    def change_column(self, world: World) -> None:
        table = self.random.choice(world.tables)
        columns = [column for column in self.loose(table) if not column.generated]
        if not columns:
            return
        column = self.random.choice(columns)
        what = self.random.choice(("not null", "default", "check", "type", "unique", "nocase", "refers"))
        if what == "not null":
            column.not_null = not column.not_null
            column.backfill = self.backfill(column) if self.chance(0.5) else ""
        elif what == "default":
            column.default = "" if column.default else self.random.choice(DEFAULTS[column.affinity])
        elif what == "check" and not column.refers:
            column.check = "" if column.check else {"TEXT": "choice", "INTEGER": "positive"}.get(column.affinity, "")
        elif what == "type" and not column.refers and not column.check:
            column.type = self.random.choice(STRICT_TYPES if table.strict else TYPES)
            column.default = ""
        elif what == "unique":
            column.unique = not column.unique
        elif what == "nocase":
            column.nocase = not column.nocase
        elif what == "refers":
            column.refers = 0

    def add_or_drop_table(self, world: World) -> None:
        if len(world.tables) > 1 and self.chance(0.5):
            world.tables.remove(self.random.choice(world.tables))
        else:
            self.add_table(world)

    def change_table(self, world: World) -> None:
        table = self.random.choice(world.tables)
        what = self.random.choice(("strict", "without rowid", "pairs", "order", "auto"))
        if what == "strict" and all(column.type in STRICT_TYPES for column in table.columns):
            table.strict = not table.strict
        elif what == "without rowid" and table.key in ("text", "composite"):
            table.without_rowid = not table.without_rowid
        elif what == "pairs":
            if table.pairs:
                table.pairs.pop()
            else:
                self.add_pair(table)
        elif what == "order":
            loose = self.loose(table)
            self.random.shuffle(loose)
            table.columns[len(table.columns) - len(loose) :] = loose
        elif what == "auto" and table.key in ("rowid", "auto"):
            table.key = "auto" if table.key == "rowid" else "rowid"

    def change_extras(self, world: World) -> None:
        if world.extras and self.chance(0.5):
            world.extras.remove(self.random.choice(world.extras))
        else:
            self.add_extra(world)


def pruned(world: World) -> World:
    """The world without what refers to a table or column that is gone."""
    for table in world.tables:
        kept = {column.number for column in table.columns}
        table.columns = [column for column in table.columns if not column.generated or column.generated in kept]
        table.pairs = [(kind, left, right) for kind, left, right in table.pairs if {left, right} <= kept]
        for column in table.columns:
            parent = world.table(column.refers)
            if parent is None or parent.key not in ("rowid", "auto"):
                column.refers = 0
    while True:
        views = {one.number for one in world.extras if one.kind == "view"}
        extras = []
        for one in world.extras:
            home = world.table(one.table)
            whole = home is not None and all(home.column(number) for number in one.columns)
            if whole and (not one.under or one.under in views):
                extras.append(one)
        if len(extras) == len(world.extras):
            return world
        world.extras = extras


def values(random: Random, column: Col) -> Any:
    """A value for a column, of the kind that its declaration says."""
    if random.random() < 0.15:
        return None
    if column.check == "choice":
        return random.choice(("a", "b"))
    if column.check == "positive":
        return random.randint(1, 50)
    kinds = {
        "TEXT": ("plain", "It's", "", "12", "Ünï", "PLAIN", f"w{random.randint(0, 99)}"),
        "INTEGER": (0, 1, -5, 2**40, random.randint(0, 99)),
        "REAL": (0.5, -1.25, 3.0, random.random()),
        "BLOB": (b"", b"\x00\xff", bytes([random.randint(0, 255)])),
        "NUMERIC": (1, 2.5, "2024-01-01", random.randint(0, 99)),
    }
    return random.choice(kinds[column.affinity])


def populate(random: Random, connection: sqlite3.Connection, world: World, render: Any) -> None:
    """Insert rows that the schema takes; those that it refuses are left out."""
    for table in world.tables:
        columns = [column for column in table.columns if not column.generated]
        names = ", ".join(render(column.name) for column in columns)
        marks = ", ".join("?" for _ in columns)
        for _ in range(random.randint(0, 6)):
            row = []
            for place, column in enumerate(columns):
                value = values(random, column)
                if place == 0 and table.key in ("rowid", "auto"):
                    value = random.randint(1, 1000)
                elif column.refers:
                    parent = world.table(column.refers)
                    assert parent is not None
                    sql = (
                        f"SELECT {render(parent.columns[0].name)} FROM {render(parent.name)} ORDER BY random() LIMIT 1"
                    )
                    found = connection.execute(sql.replace("random()", "1")).fetchone()
                    value = found[0] if found else None
                row.append(value)
            try:
                connection.execute(f"INSERT INTO {render(table.name)} ({names}) VALUES ({marks})", row)
            except sqlite3.IntegrityError:
                continue
        if table.key == "auto" and random.random() < 0.5:
            first = render(table.columns[0].name)
            try:
                connection.execute(
                    f"DELETE FROM {render(table.name)} WHERE {first} = (SELECT max({first}) FROM {render(table.name)})"
                )
            except sqlite3.IntegrityError:
                continue
