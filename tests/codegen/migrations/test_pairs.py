"""Random pairs of schemas: a migration written from their difference goes up and down with random rows in it."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen.migrations import command, model
from codegen.migrations.losses import CAN_FAIL, LOST, Loss
from codegen.sqltext import quote

from .pairs import Maker, Tab, World, populate
from .printing import Printer
from .project import Project, database, run

Rows = Counter[tuple[Any, ...]]


class Pair:
    """Two schemas that SQLite takes, and the migration between them."""

    def __init__(self, seed: int, folder: Path) -> None:
        random = Random(seed)
        maker = Maker(random)
        while True:
            self.before = maker.world()
            self.after = maker.changed(self.before)
            self.old = Printer(self.before, Random(seed + 1), annotate=False).text()
            self.new = Printer(self.after, Random(seed + 2), annotate=True).text()
            try:
                database(self.new).close()
                self.connection = database(self.old)
                break
            except sqlite3.Error:
                continue
        self.project = Project(folder).start(self.old)
        (folder / "schema.sql").write_text(self.new)
        self.options = command.Options((folder / "schema.sql",), self.project.migrations, name="x", allow_loss=True)
        self.connection.execute("PRAGMA foreign_keys = ON")
        populate(random, self.connection, self.before, quote)
        for one in self.before.extras:
            if one.kind == "fts" and one.style == "external":
                name = f"fts_{one.number}"
                self.connection.execute(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")

    def rows(self, world: World, table: Tab, columns: list[int], *, rowid: bool) -> Rows:
        """The rows of a table, in these columns; numbers of the two schemas are the same."""
        found = world.table(table.number)
        assert found is not None
        names = ["rowid"] * rowid
        names += [quote(column.name) for number in columns if (column := found.column(number)) is not None]
        terms = ", ".join(f"{name}, typeof({name})" for name in names) or "1"
        return Counter(self.connection.execute(f"SELECT {terms} FROM {quote(found.name)}").fetchall())

    def snapshot(self, world: World, lost: list[Loss]) -> dict[int, Rows]:
        """What is to be the same before and after: all that no loss was announced of."""
        found = {0: Counter(self.connection.execute("SELECT what FROM log").fetchall())}
        for table in self.before.tables:
            other = self.after.table(table.number)
            if other is not None:
                names = {table.name.lower(), other.name.lower()}
                gone = {one.column for one in lost if one.kind == LOST and one.table in names}
                kept = [
                    column.number
                    for column in table.columns
                    if not column.generated
                    and (new := other.column(column.number)) is not None
                    and not gone & {column.name.lower(), new.name.lower()}
                ]
                plain = not (table.without_rowid or other.without_rowid or "" in gone)
                found[table.number] = self.rows(world, table, kept, rowid=plain)
        return found

    def sequence(self, world: World) -> dict[int, object]:
        """The highest rowid ever given, of each table that is AUTOINCREMENT in both schemas."""
        auto = [
            table.number
            for table in self.before.tables
            if table.key == "auto" and (other := self.after.table(table.number)) is not None and other.key == "auto"
        ]
        return {
            number: self.connection.execute(
                "SELECT seq FROM sqlite_sequence WHERE lower(name) = lower(?)", (found.name,)
            ).fetchone()
            for number in auto
            if (found := world.table(number)) is not None
        }

    def go(self, direction: str, lost: list[Loss], wanted: str) -> bool:
        """Run the migration one way; False where it failed as it had said it could."""
        script = self.project.written(direction)
        for one in lost:
            assert " ".join(one.what.split()) in " ".join(script.replace("\n--", " ").split())
        state = list(self.connection.iterdump())
        try:
            run(self.connection, script)
        except (sqlite3.IntegrityError, sqlite3.OperationalError) as error:
            # ALTER TABLE … ADD COLUMN tells of a CHECK by an OperationalError.
            if "constraint failed" not in str(error) and not isinstance(error, sqlite3.IntegrityError):
                raise
            if all(one.kind != CAN_FAIL for one in lost):
                raise
            assert list(self.connection.iterdump()) == state
            return False
        expected = database(wanted)
        assert model.read(self.connection).meaning() == model.read(expected).meaning()
        assert facts(self.connection) == facts(expected)
        expected.close()
        assert self.connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return True


def facts(connection: sqlite3.Connection) -> dict[str, object]:
    """The schema as SQLite's own PRAGMAs tell it, case and quotes of names folded."""
    found: dict[str, object] = {}
    for kind, name in connection.execute(
        "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ):
        said: list[object] = [kind]
        if kind in ("table", "view"):
            said.append(connection.execute("SELECT * FROM pragma_table_xinfo(?)", (name,)).fetchall())
            keys = connection.execute("SELECT * FROM pragma_foreign_key_list(?)", (name,)).fetchall()
            said.append(sorted(repr(row[1:]) for row in keys))
            lists = connection.execute("SELECT name, [unique], origin, partial FROM pragma_index_list(?)", (name,))
            said.append(
                sorted(
                    repr(
                        (
                            row[1:],
                            connection.execute(
                                "SELECT name, [desc], coll FROM pragma_index_xinfo(?)", row[:1]
                            ).fetchall(),
                        )
                    )
                    for row in lists.fetchall()
                )
            )
        found[name.lower()] = said
    return found


def check(seed: int) -> str:
    """The whole property for one pair; what became of it."""
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(seed, Path(folder))
        try:
            return travel(pair)
        finally:
            pair.connection.close()


def travel(pair: Pair) -> str:
    found = list(command.migrations(pair.options))
    if not found:
        with closing(database(pair.new)) as expected:
            assert facts(pair.connection) == facts(expected)
        return "equal"
    command.put(pair.options, found)
    up, down = found[0].up.lost, found[0].down.lost
    assert not list(command.migrations(pair.options))
    kept, sequence = pair.snapshot(pair.before, up), pair.sequence(pair.before)
    returning = pair.snapshot(pair.before, [*up, *down])
    if not pair.go("up", up, pair.new):
        return "up failed as announced"
    assert pair.snapshot(pair.after, up) == kept
    assert pair.sequence(pair.after) == sequence
    check_full_text(pair, pair.after)
    again = pair.snapshot(pair.after, [*up, *down])
    if not pair.go("down", down, pair.old):
        return "down failed as announced"
    assert pair.snapshot(pair.before, [*up, *down]) == returning
    assert pair.sequence(pair.before) == sequence
    if not pair.go("up", up, pair.new):
        return "second up failed as announced"
    assert pair.snapshot(pair.after, [*up, *down]) == again
    return "lossy" if up else "whole"


def check_full_text(pair: Pair, world: World) -> None:
    """An index over another table's rows fits them (https://www.sqlite.org/fts5.html#the_integrity_check_command)."""
    for one in world.extras:
        if one.kind == "fts" and one.style == "external":
            name = f"fts_{one.number}"
            pair.connection.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")


@settings(max_examples=300, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.integers(min_value=0, max_value=2**32))
def test_up_and_down_and_up(seed: int) -> None:
    """The schema equals the other exactly both ways; all data are there but what the migration said it loses; a way
    that fails had said that it can, and leaves everything as it was; triggers do not fire; up again is up."""
    check(seed)


if __name__ == "__main__":  # a longer run: python -m tests.codegen.migrations.test_pairs FIRST LAST
    import contextlib
    import io
    import sys
    import traceback

    results: Counter[str] = Counter()
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                outcome = check(number)
        except Exception:
            outcome = "WRONG"
            print(number, *traceback.format_exc().splitlines()[-6:], sep="\n  ")
        results[outcome] += 1
    print(results)
