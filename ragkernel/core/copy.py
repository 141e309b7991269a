"""Copying a whole database by SQLite's online backup (https://www.sqlite.org/backup.html), and checking a copy.

The source holds a read transaction, so a busy writer never makes the copy start again (hazard 36); the deadline is
enforced in the progress callback, the only place that is called between steps (hazard 35).
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ragkernel.errors import BackupFailed, SqlError, translate

from . import layout, ledger, pragmas
from .connection import Connection, open_connection, open_plain
from .lease import BEGIN_IMMEDIATE, BEGIN_READ, COMMIT, PIN_SNAPSHOT
from .pair import AppWriteScope
from .pragmas import READER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .database import Database

    Progress = Callable[[int, int], None]  # pages copied, pages in all

# Pages per step where somebody watches the progress; in one step otherwise.
_STEP = 2048


def copy_to(database: Database, path: str, *, progress: Progress | None = None, timeout: float | None = None) -> int:
    """Copy the database as it is at this moment into the new file `path` (mode 0600), as one self-contained file.

    Writers go on meanwhile. timeout: seconds for the whole copy. Returns the number of pages. Blocks. Raises
    BackupFailed or another SqlError; what stands at `path` then is the caller's to remove.
    """
    source, _ = open_connection(database.path, READER, database.settings)
    try:
        _pin(source)
        return copy_snapshot(source, path, progress=progress, timeout=timeout)
    finally:
        source.close()


@contextmanager
def pinned_pair(app: Database, events: Database) -> Iterator[tuple[Connection, Connection]]:
    """A reading connection of each file of a pair, both on the state of one moment.

    Both write locks are held while the two snapshots are taken, so nothing can be committed to either in between, and
    not afterwards. Blocks for both write queues. Raises TransactionFailed inside a write scope of events alone.
    """
    first, _ = open_connection(app.path, READER, app.settings)
    try:
        second, _ = open_connection(events.path, READER, events.settings)
        try:
            with AppWriteScope(app, events, app.write()), events.write():
                _pin(first)
                _pin(second)
            yield first, second
        finally:
            second.close()
    finally:
        first.close()


def _pin(source: Connection) -> None:
    try:
        source.run_kernel(BEGIN_READ).close()
        source.execute(PIN_SNAPSHOT).fetchone()
        return
    except sqlite3.Error as error:
        failure = translate(error, operation="copy database", path=source.path)
    raise failure


def pages_of(source: Connection) -> int:
    """How many pages the snapshot has."""
    return pragmas.page_facts(source)[1]


def copy_snapshot(
    source: Connection, path: str, *, progress: Progress | None = None, timeout: float | None = None
) -> int:
    """Copy the snapshot that a connection holds into the new file `path` (mode 0600); the number of pages."""
    try:
        target = open_plain(path, create=True)
        try:
            pages = _copy(source, target, progress=progress, timeout=timeout)
            pragmas.leave_wal(target)
            return pages
        finally:
            target.close()
    except sqlite3.Error as error:
        failure: SqlError = translate(error, operation="copy database", path=path)
    raise failure


def copy_file(source_path: str, path: str, *, timeout: float | None = None) -> int:
    """Copy a database file that nobody writes (a backup) into the new file `path`; the number of pages."""
    try:
        source = open_plain(source_path, immutable=True)
        try:
            target = open_plain(path, create=True)
            try:
                return _copy(source, target, progress=None, timeout=timeout)
            finally:
                target.close()
        finally:
            source.close()
    except sqlite3.Error as error:
        failure = translate(error, operation="copy database", path=path)
    raise failure


def copy_over(source_path: str, target: Connection, *, timeout: float) -> int:
    """Copy a database file that nobody writes over the live database behind `target`, as one transaction.

    Other connections, of other processes too, keep their snapshot and see the new rows after it. The caller holds the
    write queue. Raises SqlError; the live database is then as it was.
    """
    try:
        source = open_plain(source_path, immutable=True)
        try:
            return _copy(source, target, progress=None, timeout=timeout)
        finally:
            source.close()
    except sqlite3.Error as error:
        failure = translate(error, operation="restore", path=target.path)
    raise failure


def _copy(source: Connection, target: Connection, *, progress: Progress | None, timeout: float | None) -> int:
    deadline = None if timeout is None else time.monotonic() + timeout
    pages = 0

    def watch(status: int, remaining: int, total: int) -> None:
        nonlocal pages
        pages = total
        if progress is not None:
            progress(total - remaining, total)
        waiting = status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)  # then nothing is known to remain
        if deadline is not None and (remaining or waiting) and time.monotonic() > deadline:
            raise BackupFailed(
                f"the copy took longer than {timeout:g} s",
                operation="copy database",
                path=target.path,
                hint="give it more time, or find who holds the lock",
            )

    source.backup(target, pages=-1 if progress is None else _STEP, progress=watch)
    return pages


class FileFacts:
    """What a check of a database file found. problems is empty where SQLite finds it sound."""

    __slots__ = ("application_id", "applied", "event_position", "mark", "page_size", "pages", "problems")

    def __init__(self, connection: Connection) -> None:
        self.application_id = pragmas.application_id(connection)
        self.page_size, self.pages, _ = pragmas.page_facts(connection)
        self.problems = pragmas.file_problems(connection)
        self.applied = ledger.read(connection)
        self.mark = layout.read(connection)
        self.event_position = ledger.event_position(connection)


def examine(path: str) -> FileFacts:
    """Check a database file that nobody writes: integrity, foreign keys, ledger, layout. Reads the whole file, writes
    nothing beside it. Raises SqlError where it is no database."""
    try:
        connection = open_plain(path, immutable=True)
        try:
            return FileFacts(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        failure = translate(error, operation="verify", path=path)
    raise failure


def note_restoring(path: str, manifest: str | None) -> None:
    """Note in the app_meta file of a pair, which nobody has open for work, that a restore from this manifest has not
    reached the other file yet; with None, that it has."""
    try:
        connection = open_plain(path)
        try:
            connection.run_kernel(BEGIN_IMMEDIATE).close()
            if manifest is None:
                ledger.drop_state(connection, ledger.RESTORING)
            else:
                ledger.put_state(connection, ledger.RESTORING, manifest)
            connection.run_kernel(COMMIT).close()
            return
        finally:
            connection.close()
    except sqlite3.Error as error:
        failure = translate(error, operation="restore", path=path)
    raise failure


def make_durable(path: str) -> None:
    """fsync a file that no connection has open, and its folder, so that both survive a loss of power."""
    for name, flags in ((path, os.O_RDONLY), (os.path.dirname(path) or ".", os.O_RDONLY)):
        descriptor = os.open(name, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
