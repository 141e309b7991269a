"""Migrations: forward and backward, one transaction each, with a ledger that notices a changed history.

The steps are SQLite's own for schema changes (https://www.sqlite.org/lang_altertable.html#otheralter): foreign keys
off, BEGIN IMMEDIATE, look at the ledger (inside the lock: looking before it let two processes migrate twice, hazard
32), run the statements, check the foreign keys, enter the ledger, COMMIT, and foreign keys on again on every path out.
Statements are run one by one, because executescript commits first (hazard 3).
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.clock import new_id, sql_timestamp, utc_now
from ragkernel.errors import (
    ConfigurationError,
    LayoutMismatch,
    MigrationFailed,
    MigrationHistoryChanged,
    SchemaTooNew,
    SqlError,
    translate,
)
from ragkernel.generated import schema

from . import ledger, pragmas
from .ledger import Applied

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .connection import Connection
    from .writer import FileWriter

APP_META = "app_meta"
EVENTS = "events"


# How often a running migration looks at the clock, in SQLite's virtual machine instructions: too seldom to be felt.
_PROGRESS_OPCODES = 10_000


class Migration(NamedTuple):
    """One numbered change of one database's schema, with the text of both directions."""

    version: int
    name: str
    database: str
    up: str
    down: str

    @property
    def sha256(self) -> str:
        """The digest that the ledger keeps: both texts, with line ends as on Unix, so a checkout elsewhere is equal."""
        text = self.up.replace("\r\n", "\n") + "\0" + self.down.replace("\r\n", "\n")
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def description(self) -> str:
        """The first comment line of the way up."""
        first = self.up.lstrip().partition("\n")[0]
        return first[2:].strip() if first.startswith("--") else ""


class Step(NamedTuple):
    """One migration to run, or that was run: direction is "up" or "down"."""

    version: int
    name: str
    database: str
    direction: str
    description: str


def load(databases: Sequence[str]) -> list[Migration]:
    """The migrations that the package carries for these databases, by number. Raises MigrationFailed where a file is
    misnamed, a number is used twice or the way down is missing."""
    found: dict[int, Migration] = {}
    for database in databases:
        files = dict(_files(database))
        for file_name, up in files.items():
            if not file_name.endswith(".up.sql"):
                continue
            stem = file_name.removesuffix(".up.sql")
            number, _, name = stem.partition("_")
            down = files.get(f"{stem}.down.sql")
            if not number.isdigit() or not name or down is None:
                raise MigrationFailed(
                    f"migration {database}/{file_name} is not a pair NNNN_name.up.sql and NNNN_name.down.sql",
                    operation="load migrations",
                )
            if int(number) in found:
                raise MigrationFailed(f"two migrations have number {int(number)}", operation="load migrations")
            found[int(number)] = Migration(int(number), name, database, up, down)
    return [found[number] for number in sorted(found)]


def _files(database: str) -> Iterator[tuple[str, str]]:
    folder = os.path.join(os.path.dirname(os.path.dirname(__file__)), "sql", "migrations", database)
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            if name.endswith(".sql"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    yield name, file.read()
        return
    from importlib.resources import files  # the package runs from a zip file

    for entry in (files("ragkernel") / "sql" / "migrations" / database).iterdir():
        if entry.name.endswith(".sql"):
            yield entry.name, entry.read_text(encoding="utf-8")


def statements(script: str) -> Iterator[str]:
    """The statements of a script one by one, cut where SQLite says that one is complete (so also around triggers)."""
    *pieces, rest = script.split(";")
    pending = ""
    for piece in pieces:
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""
    if any(line.strip() and not line.lstrip().startswith("--") for line in (pending + rest).splitlines()):
        raise MigrationFailed("the last statement of a migration has no end", operation="load migrations")


class Migrator:
    """Brings one file to a version of its schema. Every method blocks; the caller holds the file's write queue."""

    def __init__(self, writer: FileWriter, databases: Sequence[str], layout: str, busy_timeout: float) -> None:
        self._writer = writer
        self._databases = tuple(databases)
        self._layout = layout
        self._busy_timeout = busy_timeout
        self._migrations = load(databases)

    def pending(self, connection: Connection, target: int | None = None) -> list[Step]:
        """The steps from the file's present version to `target` (the latest where None); reads only.

        Raises MigrationHistoryChanged, SchemaTooNew, LayoutMismatch, or ConfigurationError for an unknown target.
        """
        self._require_layout(connection)
        applied = {entry.version: entry for entry in ledger.read(connection)}
        known = {migration.version: migration for migration in self._migrations}
        latest = max(known, default=0)
        for entry in applied.values():
            self._require_known(entry, known.get(entry.version), latest)
        if target is None:
            target = latest
        if target != 0 and target not in known:
            self._require_number(target)
        for migration in self._migrations:
            later = any(version > migration.version for version in applied)
            if migration.version <= target and migration.version not in applied and later:
                raise MigrationHistoryChanged(
                    f"migration {migration.version} ({migration.name}) is missing below later ones that were applied",
                    operation="migrate",
                    path=self._writer.path,
                    hint="restore a backup, or use the version of the code that migrated this file",
                )
        up = [_step(m, "up") for m in self._migrations if m.version <= target and m.version not in applied]
        down = [_step(m, "down") for m in reversed(self._migrations) if m.version > target and m.version in applied]
        return down + up

    def _require_known(self, entry: Applied, migration: Migration | None, latest: int) -> None:
        path = self._writer.path
        if migration is None and entry.version > latest:
            raise SchemaTooNew(
                f"the file was migrated to version {entry.version}, this code knows {latest}",
                operation="migrate",
                path=path,
                hint="use a newer ragkernel, or restore a backup from before the upgrade",
            )
        if migration is None or (migration.name, migration.database) != (entry.name, entry.database):
            raise MigrationHistoryChanged(
                f"migration {entry.version} ({entry.name}) was applied, but the code has no such migration",
                operation="migrate",
                path=path,
                hint="migrations are append-only: bring the file back",
            )
        if migration.sha256 != entry.sha256:
            raise MigrationHistoryChanged(
                f"migration {entry.version} ({entry.name}) was changed after it was applied",
                operation="migrate",
                path=path,
                hint="migrations are append-only: undo the change and write a new migration",
            )

    def _require_number(self, target: int) -> None:
        """Raise ConfigurationError where no migration of either database has the number: both share one sequence, so a
        target of the one set is good for the other, which goes as far below it as it has steps."""
        numbers = {migration.version for migration in load((APP_META, EVENTS))}
        if target not in numbers:
            raise ConfigurationError(
                f"there is no migration {target}",
                operation="migrate",
                path=self._writer.path,
                hint=f"the versions are 0 to {max(numbers)}",
            )

    def _require_layout(self, connection: Connection) -> None:
        layout = ledger.state(connection, ledger.LAYOUT)
        if layout not in (None, self._layout):
            raise LayoutMismatch(
                f"the file belongs to a {layout} store, the configuration says {self._layout}",
                operation="open",
                path=self._writer.path,
                hint=f"configure {layout} mode for this file",
            )

    def run(self, target: int | None = None, *, timeout: float) -> list[Step]:
        """Apply what `pending` lists, one transaction a step; what was done. timeout: seconds for each step.

        A step that fails, or takes longer, leaves the file as it was before it and raises MigrationFailed; the steps
        before it stay.
        """
        connection = self._writer.connection()
        self._prepare()
        done: list[Step] = []
        try:
            pragmas.set_foreign_keys(connection, False)
            while step := self._one(target, timeout):
                done.append(step)
        finally:
            self._foreign_keys_on(connection)
        return done

    def rehearse(self, target: int | None = None) -> list[Step]:
        """Run the pending steps inside one transaction and roll it back: what `run` would do, and that it works."""
        connection = self._writer.connection()
        try:
            pragmas.set_foreign_keys(connection, False)
            self._begin()
            try:
                self._create_common(connection)
                steps = self.pending(connection, target)
                for step in steps:
                    self._apply(connection, step)
                return steps
            finally:
                self._writer.rollback()
                self._writer.finish()
        finally:
            self._foreign_keys_on(connection)

    def _foreign_keys_on(self, connection: Connection) -> None:
        """Foreign keys are on again on every path out; a connection that will not have them is closed."""
        try:
            pragmas.set_foreign_keys(connection, True)
        except (SqlError, sqlite3.Error):
            self._writer.retire()

    def _prepare(self) -> None:
        """Create the common tables and the layout marker of a new file, before its first migration."""
        connection = self._begin()
        try:
            self._require_layout(connection)
            self._create_common(connection)
        except BaseException as error:
            self._writer.rollback()
            self._writer.finish()
            raise self._failure(error, "create the common tables") from None
        self._commit()

    def _create_common(self, connection: Connection) -> None:
        if ledger.state(connection, ledger.LAYOUT) is None:
            database = self._databases[0] if self._layout == "split" else None
            ledger.prepare(connection, self._layout, new_id(), database)

    def _one(self, target: int | None, timeout: float) -> Step | None:
        """The next step, in a transaction of its own; None when nothing is left."""
        connection = self._begin()
        step: Step | None = None
        try:
            steps = self.pending(connection, target)
            if steps:
                step = steps[0]
                deadline = time.monotonic() + timeout
                connection.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_OPCODES)
                self._apply(connection, step)
                if len(steps) == 1 and step.version == self._migrations[-1].version and step.direction == "up":
                    self._validate(connection)
        except BaseException as error:
            self._writer.rollback()
            self._writer.finish()
            name = f"migration {step.version} ({step.name}) {step.direction}" if step else "read the ledger"
            raise self._failure(error, name, timeout) from None
        finally:
            connection.set_progress_handler(None, 0)
        self._commit()
        return step

    def _apply(self, connection: Connection, step: Step) -> None:
        migration = next(m for m in self._migrations if m.version == step.version)
        for statement in statements(migration.up if step.direction == "up" else migration.down):
            connection.execute(statement)
        broken = pragmas.foreign_key_violations(connection)
        if broken:
            tables = ", ".join(sorted({f"{table} → {parent}" for table, _, parent in broken}))
            raise MigrationFailed(f"{len(broken)} rows would lose their parent: {tables}", operation="migrate")
        if step.direction == "up":
            entry = Applied(migration.version, migration.name, migration.database, migration.sha256)
            ledger.record(connection, entry, migration.description, sql_timestamp(utc_now()))
        else:
            ledger.strike(connection, migration.version)

    def _validate(self, connection: Connection) -> None:
        """After the last migration every table has the columns that the generated code expects, before the commit."""
        for part in ("common", *self._databases):
            for table, expected in schema.TABLES[part].items():
                found = pragmas.column_names(connection, table)
                if found != expected:
                    raise MigrationFailed(
                        f"after the last migration {table} has the columns {', '.join(found) or 'of no table'};"
                        f" the code expects {', '.join(expected)}",
                        operation="migrate",
                        hint="schema.sql and the migrations disagree",
                    )

    def _begin(self) -> Connection:
        self._writer.begin(self._busy_timeout)
        return self._writer.connection()

    def _commit(self) -> None:
        try:
            self._writer.commit(self._busy_timeout)
        finally:
            self._writer.finish()

    def _failure(self, error: BaseException, operation: str, timeout: float = 0.0) -> BaseException:
        if isinstance(error, sqlite3.Error):
            failure = translate(error, operation=operation, path=self._writer.path)
            if failure.code == sqlite3.SQLITE_INTERRUPT:
                failure.message = f"the migration took longer than {timeout:g} s and was rolled back"
                failure.hint = "raise migration_timeout"
            return MigrationFailed(
                failure.message, operation=operation, path=failure.path, code=failure.code,
                code_name=failure.code_name, hint=failure.hint or "the file is as it was before this migration",
            )  # fmt: skip
        if isinstance(error, MigrationFailed) and not error.path:
            error.operation, error.path = operation, self._writer.path
        return error


def _step(migration: Migration, direction: str) -> Step:
    return Step(migration.version, migration.name, migration.database, direction, migration.description)
