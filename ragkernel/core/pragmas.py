"""Every PRAGMA that the kernel issues: the bootstrap of a connection, and the few calls that others need.

A misspelt PRAGMA value silently means something else and a misspelt name silently means nothing (hazard 7), so the
bootstrap is a table: each entry is applied in order and read back. An entry that must hold and does not fails the
opening; one that a build of SQLite may cap is reported and shown in health.
"""

from __future__ import annotations

import random
import sqlite3
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ragkernel.errors import ConfigurationError, SqlError, translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .connection import Connection

WRITER = "writer"
READER = "reader"
CHECKPOINTER = "checkpointer"
MAINTENANCE = "maintenance"

# "RAGK" in ASCII: marks a file as ragkernel's (https://www.sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID = 0x5241474B

_SYNCHRONOUS = {"NORMAL": 1, "FULL": 2}


class Settings(NamedTuple):
    """What the connections of one file have in common. Sizes in the unit of their name, timeouts in milliseconds."""

    synchronous: str = "NORMAL"
    cache_size_kib: int = 64_000
    mmap_size: int = 134_217_728
    busy_timeout_ms: int = 5_000
    journal_size_limit: int = 64 * 1024 * 1024


class Pragma(NamedTuple):
    """One line of the bootstrap: `expected` is what reading it back must give, None where anything may come back."""

    name: str
    value: str
    expected: int | None
    must_hold: bool
    reason: str

    @property
    def page(self) -> str:
        """Where SQLite documents it."""
        return f"https://www.sqlite.org/pragma.html#pragma_{self.name}"


class Capped(NamedTuple):
    """A setting that this build of SQLite did not take as given."""

    name: str
    asked: int
    got: int


def bootstrap_table(role: str, settings: Settings) -> Iterator[Pragma]:
    """The PRAGMAs of a connection of this role, in the order in which they are applied (after journal_mode)."""
    level = _SYNCHRONOUS[settings.synchronous]
    yield Pragma(
        "synchronous", settings.synchronous, level, True, "durability: NORMAL survives kill -9, FULL power loss"
    )
    cache = -settings.cache_size_kib
    yield Pragma("cache_size", str(cache), cache, False, "page cache in KiB (negative), per connection")
    yield Pragma("temp_store", "MEMORY", 2, False, "sorters and temporary tables never touch the disk")
    yield Pragma("mmap_size", str(settings.mmap_size), settings.mmap_size, False, "reads without a copy; see hazard 10")
    # The writer's own loop waits with jitter and a deadline, for a busy handler cannot be interrupted (hazard 12).
    wait = {WRITER: 20, CHECKPOINTER: 0}.get(role, settings.busy_timeout_ms)
    yield Pragma("busy_timeout", str(wait), wait, True, "how long SQLite itself waits for a lock")
    yield Pragma("wal_autocheckpoint", "0", 0, True, "SQLite's own checkpoints can lose rows (hazard 22): ours only")
    limit = settings.journal_size_limit
    yield Pragma("journal_size_limit", str(limit), limit, True, "the -wal file shrinks to this after a reset")
    yield Pragma("read_uncommitted", "0", 0, True, "a reader sees committed rows only")
    yield Pragma("foreign_keys", "1", 1, True, "off by default in SQLite")
    yield Pragma("recursive_triggers", "0", 0, True, "as the specification says")
    yield Pragma("trusted_schema", "0", 0, True, "a hostile schema may not call functions with side effects")
    yield Pragma("cell_size_check", "1", 1, False, "damaged pages are noticed when they are read")
    if role == READER:
        yield Pragma("query_only", "1", 1, True, "a Reader cannot write")


def bootstrap(connection: Connection, role: str, settings: Settings) -> list[Capped]:
    """Apply the table to a fresh connection and read each line back.

    Returns the settings that SQLite capped. Raises ConfigurationError where one that must hold does not, and
    DatabaseBusy when WAL mode cannot be had within the busy timeout: the switch can answer "locked" at once, whatever
    SQLite's own timeout (hazard 29). Blocks for that long at most.
    """
    _use_wal(connection, settings.busy_timeout_ms / 1000)
    capped = []
    for pragma in bootstrap_table(role, settings):
        connection.run_kernel(f"PRAGMA {pragma.name} = {pragma.value}").close()
        row = connection.run_kernel(f"PRAGMA {pragma.name}").fetchone()
        got = row[0] if row else 0
        if got == pragma.expected:
            continue
        if pragma.must_hold:
            raise ConfigurationError(
                f"PRAGMA {pragma.name} is {got} after it was set to {pragma.value}",
                operation="open",
                path=connection.path,
                hint=f"{pragma.reason}; see {pragma.page}",
            )
        capped.append(Capped(pragma.name, pragma.expected or 0, int(got)))
    return capped


def _use_wal(connection: Connection, seconds: float) -> None:
    row = _patiently(connection, "PRAGMA journal_mode = WAL", seconds, wanted="wal")
    if row[0] != "wal":
        raise ConfigurationError(
            f"the journal mode stays {row[0]!r}, WAL is needed",
            operation="open",
            path=connection.path,
            hint="WAL needs a local file system with shared memory: https://www.sqlite.org/wal.html",
        )


def _patiently(connection: Connection, sql: str, seconds: float, wanted: str | None = None) -> tuple[Any, ...]:
    """The row of a PRAGMA, asked again while it is locked or gives another answer than `wanted`, for `seconds` at most;
    then the answer as it is, or DatabaseBusy."""
    deadline = time.monotonic() + seconds
    while True:
        failure: SqlError | None = None
        row: tuple[Any, ...] = ("",)
        try:
            row = connection.run_kernel(sql).fetchone() or row
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            failure = translate(error, operation=sql, path=connection.path)
        if failure is None and wanted in (None, row[0]):
            return row
        if time.monotonic() >= deadline:
            if failure is not None:
                raise failure
            return row
        time.sleep(random.uniform(0.001, 0.02))


def forbid_automatic_checkpoints(connection: Connection) -> None:
    """Take SQLite's own checkpoints, one at every 1000 pages of WAL, from a connection without the bootstrap: they run
    without the write lock (hazard 22). Does not touch the file."""
    connection.run_kernel("PRAGMA wal_autocheckpoint = 0").close()


def set_synchronous(connection: Connection, level: str) -> None:
    """Set `synchronous` between two transactions (inside one SQLite refuses it)."""
    connection.run_kernel(f"PRAGMA synchronous = {level}").close()


def synchronous(connection: Connection) -> str:
    """The present level, NORMAL or FULL."""
    got = connection.run_kernel("PRAGMA synchronous").fetchone()[0]
    return {number: name for name, number in _SYNCHRONOUS.items()}.get(got, str(got))


def set_foreign_keys(connection: Connection, enabled: bool) -> None:
    """Switch foreign keys on or off between two transactions, and read it back (inside one SQLite ignores it)."""
    connection.run_kernel(f"PRAGMA foreign_keys = {int(enabled)}").close()
    if connection.run_kernel("PRAGMA foreign_keys").fetchone()[0] != int(enabled):
        raise ConfigurationError("PRAGMA foreign_keys did not take", operation="migrate", path=connection.path)


def foreign_key_violations(connection: Connection) -> list[tuple[str, int | None, str]]:
    """(table, rowid, referenced table) of every row whose parent is missing."""
    rows = connection.run_kernel("PRAGMA foreign_key_check").fetchall()
    return [(str(row[0]), row[1], str(row[2])) for row in rows]


def integrity_problems(connection: Connection, *, limit: int = 20) -> list[str]:
    """What `integrity_check` finds wrong, at most `limit` lines; empty when the file is sound. Reads the whole file."""
    rows = connection.run_kernel(f"PRAGMA integrity_check({limit})").fetchall()
    lines = [str(row[0]) for row in rows]
    return [] if lines == ["ok"] else lines


def file_problems(connection: Connection) -> list[str]:
    """What integrity_check and foreign_key_check find, at most 20 lines each; reads the whole file."""
    orphans = foreign_key_violations(connection)[:20]
    lines = [f"row {rowid} of {table} has no parent in {parent}" for table, rowid, parent in orphans]
    return integrity_problems(connection) + lines


def application_id(connection: Connection, *, seconds: float = 0.0) -> int:
    """The file's application_id, 0 where none was set. seconds: how long to wait where the file is locked."""
    return int(_patiently(connection, "PRAGMA application_id", seconds)[0])


def mark_as_ours(connection: Connection) -> None:
    """Set the application_id; takes part in the transaction that is open."""
    connection.run_kernel(f"PRAGMA application_id = {APPLICATION_ID}").close()


def touch(connection: Connection) -> None:
    """Write the file's header without changing it, so that the transaction that is open has something to commit."""
    connection.run_kernel(f"PRAGMA application_id = {application_id(connection)}").close()


def column_names(connection: Connection, table: str) -> tuple[str, ...]:
    """The columns of a table of the kernel's schema in order, empty where there is no such table."""
    rows = connection.run_kernel(f"PRAGMA table_xinfo({table})").fetchall()
    return tuple(str(row[1]) for row in rows)


def page_facts(connection: Connection) -> tuple[int, int, int]:
    """(page size in bytes, pages, free pages) of the file."""
    names = ("page_size", "page_count", "freelist_count")
    size, pages, free = (int(connection.run_kernel(f"PRAGMA {name}").fetchone()[0]) for name in names)
    return size, pages, free


def passive_checkpoint(connection: Connection) -> tuple[int, int, int]:
    """Run wal_checkpoint(PASSIVE) and return its row: (busy, frames in the WAL, frames copied).

    Only `core.checkpoint` calls this, while another connection of the same file holds the write lock (hazard 22).
    """
    busy, log, copied = connection.run_kernel("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(busy), int(log), int(copied)


def leave_wal(connection: Connection) -> None:
    """Make a database that nobody else has open one self-contained file again (journal_mode DELETE)."""
    mode = connection.run_kernel("PRAGMA journal_mode = DELETE").fetchone()[0]
    if mode != "delete":
        raise ConfigurationError(f"the journal mode stays {mode!r}", operation="finish backup", path=connection.path)
