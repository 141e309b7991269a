"""One file of SQLite: its readers, its writer, its checkpointer and its migrations.

The write queue and the writer connection belong to the file (device and inode), whatever path or service it was opened
by: a second service of the process on the same file shares them (two writers of one process would only wait for each
other inside SQLite, out of order). The first opener fixes what connections have in common; the last to close ends them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from ragkernel.errors import (
    ConfigurationError,
    ConnectionFailed,
    ServiceClosed,
    SqlError,
    TransactionFailed,
    WriterTimeout,
    translate,
)
from ragkernel.generated import schema

from . import ledger, pragmas
from .connection import Connection, create_file, open_connection, require_file, require_sqlite
from .migrate import Migration, Migrator, Step, load
from .pool import Pool, ReadScope
from .pragmas import MAINTENANCE, Capped, Settings
from .writer import FileWriter, WriteScope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import TypeVar

    from .checkpoint import CheckpointResult

    T = TypeVar("T")


class _Shared:
    """What all Databases of this process on one file share."""

    __slots__ = ("checkpoint_pages", "forked", "key", "settings", "users", "writer")

    def __init__(self, key: tuple[int, int], path: str, settings: Settings, checkpoint_pages: int) -> None:
        self.key = key
        self.settings = settings
        self.checkpoint_pages = checkpoint_pages
        self.writer = FileWriter(path, key, settings, checkpoint_pages)
        self.users = 0
        self.forked = False  # set in a forked child: these connections are the parent's


_registry: dict[tuple[int, int], _Shared] = {}
_registry_lock = threading.Lock()
_watching_forks = False


def _watch_forks() -> None:
    """A connection carried over a fork loses commits and drops the parent's locks (hazard 16), so what was open then is
    refused in the child."""
    global _watching_forks
    if not _watching_forks and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)
    _watching_forks = True


def _after_fork() -> None:
    global _registry_lock
    _registry_lock = threading.Lock()
    for shared in _registry.values():
        shared.forked = True


def _require_unforked(shared: _Shared) -> None:
    if shared.forked:
        raise ConnectionFailed(
            "the file was open when this process was forked",
            operation="use database",
            path=shared.writer.path,
            hint="close the service before forking, or start the process with spawn or exec",
        )


def is_live(status: os.stat_result) -> bool:
    """Whether the file is a database that this process has open, or the -wal or -shm of one. Opening such a file with
    anything but SQLite, and closing it, drops SQLite's locks on it (hazard 17)."""
    file = (status.st_dev, status.st_ino)
    if file in _registry:
        return True
    for shared in tuple(_registry.values()):
        for suffix in ("-wal", "-shm"):
            with suppress(OSError):
                beside = os.stat(shared.writer.path + suffix)
                if (beside.st_dev, beside.st_ino) == file:
                    return True
    return False


class Inspection:
    """What a look at the file found. pending: migrations that it lacks. problems: empty without `deep`.

    vacuumed, backed_up: the texts of the last runs, None where there was none (or nothing was migrated yet).
    """

    __slots__ = (
        *("backed_up", "free_pages", "page_size", "pages", "pending", "problems", "schema_version", "vacuumed"),
    )

    def __init__(self, connection: Connection, migrations: Sequence[Migration], *, deep: bool) -> None:
        self.page_size, self.pages, self.free_pages = pragmas.page_facts(connection)
        applied = {entry.version for entry in ledger.read(connection)}
        self.schema_version = max(applied, default=0)
        self.pending = sum(migration.version not in applied for migration in migrations)
        self.vacuumed = ledger.state(connection, ledger.VACUUM_LAST_RUN)
        self.backed_up = ledger.state(connection, ledger.BACKUP_LAST_RUN)
        self.problems: list[str] = pragmas.file_problems(connection) if deep else []


class Database:
    """One database file, opened for one service. Safe from every thread; `close` it, or use it as a context manager.

    path: the file, created with mode 0600 where missing (unless create is False). settings: what its connections have
    in common. pool_size, pool_timeout (seconds): its readers. busy_timeout (seconds): the wait for another process's
    lock. databases: which sets of migrations it holds. layout: "single" or "split".
    """

    def __init__(
        self,
        path: str,
        settings: Settings,
        *,
        pool_size: int,
        pool_timeout: float,
        busy_timeout: float,
        databases: Sequence[str],
        layout: str,
        checkpoint_pages: int = 1000,
        create: bool = True,
    ) -> None:
        require_sqlite()
        path = os.path.realpath(path)  # SQLite names -wal and -shm after the file that a link points to
        self._busy_timeout = busy_timeout
        self._pool_timeout = pool_timeout
        self._databases = tuple(databases)
        self._layout = layout
        self._closed = False
        self._shared = _join(path, settings, checkpoint_pages, create=create)
        # By the path of the first opener: through another hard link SQLite would look for another -wal file.
        self.path = self._shared.writer.path
        check = self._shared.writer.require_same_file
        self._pool = Pool(self.path, settings, pool_size, pool_timeout, check)

    @property
    def pool(self) -> Pool:
        """The readers."""
        return self._pool

    @property
    def writer(self) -> FileWriter:
        """The writer that all services of this process on the file share."""
        return self._shared.writer

    @property
    def settings(self) -> Settings:
        """What the file's connections have in common."""
        return self._shared.settings

    def read(self, *, snapshot: bool = True) -> ReadScope:
        """A scope that leases a reader for this thread; with `snapshot` everything in it sees one moment."""
        self._require_open()
        return ReadScope(self._pool, snapshot=snapshot)

    def write(self, *, durable: bool = False) -> WriteScope:
        """A scope that is one write transaction (a savepoint where this thread is already inside one)."""
        self._require_open()
        return WriteScope(self._shared.writer, self._pool_timeout, self._busy_timeout, durable=durable)

    def migrate(self, target: int | None = None, *, dry_run: bool = False, timeout: float = 3600.0) -> list[Step]:
        """Bring the file to a version of its schema (the latest where None); the steps taken, or with dry_run the steps
        that were tried inside a transaction and rolled back. timeout: seconds for each step. Raises MigrationFailed and
        its subclasses."""

        def migrate(writer: FileWriter) -> list[Step]:
            migrator = Migrator(writer, self._databases, self._layout, self._busy_timeout)
            connection = writer.connection()
            ready = ledger.state(connection, ledger.LAYOUT) is not None
            if ready and not migrator.pending(connection, target):
                return []
            return migrator.rehearse(target) if dry_run else migrator.run(target, timeout=timeout)

        return self.exclusively("migrate", migrate)

    def pending(self, target: int | None = None) -> list[Step]:
        """The migrations that lead from the file's version to `target` (the latest where None); reads only."""

        def look(writer: FileWriter) -> list[Step]:
            migrator = Migrator(writer, self._databases, self._layout, self._busy_timeout)
            return migrator.pending(writer.connection(), target)

        return self.exclusively("migrate", look)

    def holds_data(self) -> bool:
        """Whether any table of the schema, apart from the kernel's own, has a row."""
        tables = [table for part in self._databases for table in schema.TABLES[part]]
        with self.read(snapshot=False) as lease:
            try:
                return ledger.has_rows(lease.connection, tables)
            except sqlite3.Error as error:
                failure = translate(error, operation="inspect", path=self.path)
        raise failure

    def checkpoint(self) -> CheckpointResult | None:
        """Copy the WAL into the file now; None where another process holds the write lock."""
        with self._maintenance("checkpoint"):
            writer = self._shared.writer
            return writer.checkpointer.run(writer.connection())

    def vacuum(self, into: str | None = None) -> None:
        """Rebuild the file without free pages, or write a compact copy to `into`. Blocks writers meanwhile.

        Runs on a connection of its own without the authorizer, since VACUUM attaches a file inside (hazard 9).
        """
        with self._maintenance("vacuum"):
            failure: SqlError | None = None
            connection, _ = open_connection(self.path, MAINTENANCE, self.settings)
            try:
                if into is None:
                    connection.execute("VACUUM")
                else:
                    connection.execute("VACUUM INTO ?", (into,))
            except sqlite3.Error as error:
                failure = translate(error, operation="vacuum", path=self.path)
            finally:
                connection.close()
            if failure is not None:
                raise failure
            if into is None:  # the rebuilt file stands in the WAL as a whole
                writer = self._shared.writer
                writer.checkpointer.run(writer.connection())

    def exclusively(self, operation: str, action: Callable[[FileWriter], T]) -> T:
        """Run `action` with the write queue held and no transaction open; SQLite's errors become SqlErrors."""
        with self._maintenance(operation):
            try:
                return action(self._shared.writer)
            except sqlite3.Error as error:
                failure = translate(error, operation=operation, path=self.path)
        raise failure

    def inspect(self, *, deep: bool = False) -> Inspection:
        """Look at the file through a reader: size, schema version, and with `deep` its integrity and foreign keys."""
        with self.read(snapshot=False) as lease:
            connection = lease.connection
            try:
                return Inspection(connection, load(self._databases), deep=deep)
            except sqlite3.Error as error:
                failure = translate(error, operation="inspect", path=self.path)
        raise failure

    @property
    def inside_write(self) -> bool:
        """Whether the calling thread is inside a write scope of the file."""
        return self._shared.writer.queue.held_by_me

    def require_same_file(self) -> None:
        """Raise FileReplaced where the file was deleted or replaced since it was opened."""
        self._shared.writer.require_same_file()

    def capped(self) -> list[Capped]:
        """The settings that this build of SQLite did not take as given."""
        return sorted({*self._pool.capped, *self._shared.writer.capped})

    def _maintenance(self, operation: str) -> _QueueScope:
        self._require_open()
        return _QueueScope(self._shared.writer, self._pool_timeout, operation)

    def _require_open(self) -> None:
        if self._closed:
            raise ServiceClosed("the service is closed", operation="use database", path=self.path)
        if self._shared.forked:
            _require_unforked(self._shared)

    def close(self) -> None:
        """Close the readers, then, for the last user of the file, checkpoint and close the writer. Idempotent.

        Waits up to the pool's timeout for scopes of other threads; a reader still leased then is interrupted and named
        by PoolTimeout, a writer still at work is let go on and named by TransactionFailed. Raises TransactionFailed too
        when the calling thread itself is inside a scope, and FileReplaced when the file was deleted meanwhile.
        """
        if self._closed:
            return
        if self._shared.forked:
            self._closed = True  # the parent's connections: closing them here would drop its locks
            return
        self.require_closable()
        with _registry_lock:
            if self._closed:
                return
            self._closed = True
        try:
            self._pool.close(self._pool_timeout)
        finally:
            _leave(self._shared, self._pool_timeout)

    def require_closable(self) -> None:
        """Raise TransactionFailed when the calling thread is inside a scope that `close` would have to wait for."""
        if self._closed or self._shared.forked:
            return
        last = self._shared.users == 1  # else another service's scope, and writer, outlive this one
        if (last and self._shared.writer.queue.held_by_me) or self._pool.mine() is not None:
            raise TransactionFailed(
                "close() is called inside a scope of the same thread",
                operation="close",
                path=self.path,
                hint="leave the `with` block first",
            )

    def __enter__(self) -> Database:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()


class _QueueScope:
    """The write queue alone, without a transaction: for migrations, checkpoints, VACUUM."""

    __slots__ = ("_operation", "_timeout", "_writer")

    def __init__(self, writer: FileWriter, timeout: float, operation: str) -> None:
        self._writer = writer
        self._timeout = timeout
        self._operation = operation

    def __enter__(self) -> None:
        queue = self._writer.queue
        if queue.held_by_me:
            raise TransactionFailed(
                f"{self._operation} is called inside a write transaction",
                operation=self._operation,
                path=self._writer.path,
                hint="leave the `with service.write()` block first",
            )
        if not queue.acquire(self._timeout):
            raise WriterTimeout(
                f"no turn in the write queue within {self._timeout:g} s; it is held by {self._writer.holder()}",
                operation=self._operation,
                path=self._writer.path,
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.leave_queue()


def _join(path: str, settings: Settings, checkpoint_pages: int, *, create: bool) -> _Shared:
    _watch_forks()
    with _registry_lock:
        if create:
            create_file(path)
        status = require_file(path)
        key = (status.st_dev, status.st_ino)
        shared = _registry.get(key)
        if shared is None:
            shared = _Shared(key, path, settings, checkpoint_pages)
            shared.writer.connection()  # refuses what is no database of ours before anybody waits for it
            _registry[key] = shared
        _require_unforked(shared)
        asked, present = (*settings, checkpoint_pages), (*shared.settings, shared.checkpoint_pages)
        for name, mine, theirs in zip((*Settings._fields, "checkpoint_pages"), asked, present, strict=True):
            if mine != theirs:
                raise ConfigurationError(
                    f"{name} is {mine}, but another service of this process has the file open with {theirs}",
                    operation="open",
                    path=path,
                    hint="open the file with the same settings, or share one service",
                )
        shared.users += 1
        return shared


def _leave(shared: _Shared, timeout: float) -> None:
    with _registry_lock:
        shared.users -= 1
        if shared.users > 0:
            return
        _registry.pop(shared.key, None)
    shared.writer.close_within(timeout)
