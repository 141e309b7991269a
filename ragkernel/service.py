"""SqlService: the database of an application and everything that the kernel does with it.

Single mode keeps all tables in one file. Split mode (a second file for the event tables) has its configuration and its
marks in the files, and is refused here until it is built.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, overload

from ragkernel.config import SqlConfig
from ragkernel.core.database import Database
from ragkernel.core.migrate import APP_META, EVENTS
from ragkernel.core.pragmas import Settings
from ragkernel.errors import ConfigurationError, SqlError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Literal

    from ragkernel.connections import Reader, Writer
    from ragkernel.core.copy import Progress
    from ragkernel.core.migrate import Step
    from ragkernel.events.store import EventStore
    from ragkernel.operations.backup import Backup
    from ragkernel.operations.health import DatabaseHealthMetrics
    from ragkernel.operations.restore import Restored

SINGLE = "single"


class SqlService:
    """The service over one configuration. Safe from every thread; a context manager that closes it.

    Opening creates a missing file (mode 0600), applies and reads back every PRAGMA, and refuses another application's
    database; it does not migrate: `run_migrations` does, and `ragkernel.open` does both. Raises ConfigurationError,
    ConnectionFailed, NotADatabase, ForeignApplication. It starts no thread.
    """

    def __init__(self, config: SqlConfig) -> None:
        if config.use_split_databases:
            raise ConfigurationError(
                "split databases are not supported yet",
                operation="open",
                path=str(config.app_db_path),
                hint="set use_split_databases to false: the event tables then stand in app_meta.db",
            )
        self._config = config
        self._databases = (APP_META, EVENTS)
        self._app = Database(
            str(config.app_db_path),
            Settings(
                synchronous=config.app_wal_mode.name,
                cache_size_kib=config.cache_size_kib,
                mmap_size=config.mmap_size,
                busy_timeout_ms=round(config.busy_timeout.total_seconds() * 1000),
                journal_size_limit=config.journal_size_limit,
            ),
            pool_size=config.app_pool_size,
            pool_timeout=config.app_connection_timeout.total_seconds(),
            busy_timeout=config.busy_timeout.total_seconds(),
            databases=self._databases,
            layout=SINGLE,
            checkpoint_pages=config.checkpoint_pages,
        )
        self._events: EventStore | None = None

    @property
    def config(self) -> SqlConfig:
        """The configuration that the service was made with."""
        return self._config

    @property
    def events(self) -> EventStore:
        """The event log."""
        if self._events is None:
            from ragkernel.events.store import EventStore

            self._events = EventStore(self._app, durable=self._config.durable_events)
        return self._events

    def run_migrations(self, target: int | None = None, *, dry_run: bool = False) -> list[Step]:
        """Bring the schema to version `target` (the latest where None), forward or backward, one transaction a step.

        dry_run: try the steps inside one transaction and roll it back. Returns the steps, empty where there was nothing
        to do. A file that holds data is backed up to backup_dir first, as app_meta_before_migration_… (unless
        migration_backup is off). Blocks for the write queue. Raises MigrationFailed, MigrationHistoryChanged,
        SchemaTooNew, LayoutMismatch; a step that failed, or took longer than migration_timeout, left the file as it was
        before that step.
        """
        timeout = self._config.migration_timeout.total_seconds()
        if self._config.migration_backup and not dry_run and self._app.pending(target) and self._app.holds_data():
            from ragkernel.operations.backup import backup_database

            backup_database(self._app, f"{APP_META}_before_migration", str(self._config.backup_dir))
        return self._app.migrate(target, dry_run=dry_run, timeout=timeout)

    def pending_migrations(self) -> list[Step]:
        """The migrations that the file still needs; writes nothing."""
        return self._app.pending()

    def read(self) -> AbstractContextManager[Reader]:
        """A scope in which everything read is of one moment, the one at which it was entered.

        Blocks for a reader, app_connection_timeout at most (PoolTimeout). A thread's inner scope is its outer one. A
        long scope keeps the -wal file from starting anew, so leave it soon.
        """
        return self._app.read()

    def write(self, *, durable: bool = False) -> AbstractContextManager[Writer]:
        """A scope that is one write transaction: COMMIT on leaving it, ROLLBACK when an exception leaves it.

        Threads wait in order of arrival, app_connection_timeout at most; for another process's lock busy_timeout at
        most (WriterTimeout). Inside another one of the same thread it is a savepoint. durable: synced to the disk
        before the scope is left, also where app_wal_mode is NORMAL.
        """
        return self._app.write(durable=durable)

    def write_events(self, *, durable: bool = False) -> AbstractContextManager[Writer]:
        """The write scope of the database that holds the event tables: in single mode the same as `write`."""
        return self._app.write(durable=durable)

    @overload
    def get_app_connection(self, *, write: Literal[False] = False) -> AbstractContextManager[Reader]: ...
    @overload
    def get_app_connection(self, *, write: Literal[True]) -> AbstractContextManager[Writer]: ...
    def get_app_connection(self, *, write: bool = False) -> AbstractContextManager[Reader]:
        """A scope that leases a Reader, each statement of which sees the newest commit; with write=True, a Writer
        inside a write transaction, as `write` gives it."""
        return self._app.write() if write else self._app.read(snapshot=False)

    @overload
    def get_events_connection(self, *, write: Literal[False] = False) -> AbstractContextManager[Reader]: ...
    @overload
    def get_events_connection(self, *, write: Literal[True]) -> AbstractContextManager[Writer]: ...
    def get_events_connection(self, *, write: bool = False) -> AbstractContextManager[Reader]:
        """As get_app_connection, of the database that holds the event tables: in single mode the same."""
        return self._app.write() if write else self._app.read(snapshot=False)

    def backup_databases(self, *, progress: Progress | None = None) -> list[Backup]:
        """Copy every database as it is at this moment to backup_dir, verified; readers and writers go on meanwhile.

        progress(pages copied, pages in all). Blocks for the whole copy. Raises BackupFailed; nothing stands under a
        final name then.
        """
        from ragkernel.operations.backup import backup_database

        return [backup_database(self._app, APP_META, str(self._config.backup_dir), progress=progress)]

    def restore(self, backup: str | os.PathLike[str], to: str | os.PathLike[str] | None = None) -> Restored:
        """Restore a backup: to the new file `to`, or in place of the present rows, which are backed up first.

        In place it is one transaction of the live file, so readers of every process keep their snapshot and see the
        restored rows afterwards; a backup of an older schema is migrated. Raises BackupRefused for a file that is no
        sound backup of this layout, BackupFailed; the database is then as it was.
        """
        from ragkernel.operations.restore import restore_beside, restore_in_place

        if to is not None:
            return restore_beside(os.fspath(backup), os.fspath(to), databases=self._databases)
        folder = str(self._config.backup_dir)
        timeout = self._config.busy_timeout.total_seconds()
        restored = restore_in_place(
            os.fspath(backup), self._app, APP_META, folder, databases=self._databases, timeout=timeout
        )
        self.run_migrations()
        return restored

    def vacuum(self, into: str | os.PathLike[str] | None = None) -> None:
        """Rebuild the file without free pages (writers wait meanwhile), or write a compact copy to the file `into`."""
        from ragkernel.operations.maintenance import vacuum

        vacuum(self._app, None if into is None else os.fspath(into))

    def health_check(self, *, deep: bool = False) -> DatabaseHealthMetrics:
        """What is true of the databases at this moment. deep: also read every page and check its integrity."""
        from ragkernel.operations import health

        return health.check(self._app, journal_size_limit=self._config.journal_size_limit, deep=deep)

    @property
    def inside_write(self) -> bool:
        """Whether the calling thread is inside a write scope of this service's file."""
        return self._app.inside_write

    def require_same_file(self) -> None:
        """Raise FileReplaced where the database file was deleted or replaced since it was opened: what is written then
        goes nowhere. Commits look once a second by themselves."""
        self._app.require_same_file()

    def close(self) -> None:
        """Close every connection. Waits for scopes of other threads, app_connection_timeout at most. Idempotent.

        Raises TransactionFailed when the calling thread is inside a scope, or when another one is still writing after
        that time (its transaction goes on, and its connection is closed when it ends); FileReplaced when the file was
        deleted or replaced since it was opened.
        """
        self._app.close()

    def __enter__(self) -> SqlService:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def __repr__(self) -> str:
        pool = self._app.pool
        return f"<SqlService {self._app.path!r}: {pool.active} of {pool.size} readers in use>"


def open(path: str | os.PathLike[str], config: SqlConfig | None = None) -> SqlService:
    """Open a database file, verify it and migrate it to the latest schema; created where it is missing.

    config: the settings (SqlConfig.single(path) where None); its app_db_path gives way to `path`. Returns the service,
    to be closed or used as a context manager. Raises what SqlService and run_migrations raise; nothing stays open then.
    """
    service = SqlService(SqlConfig.single(path) if config is None else config.replace(app_db_path=path))
    try:
        service.run_migrations()
    except BaseException:
        with suppress(SqlError):  # what is wrong is what was raised first
            service.close()
        raise
    return service
