"""SqlService: the database of an application and everything that the kernel does with it.

Single mode keeps all tables in one file. Split mode keeps the event tables in a second one, with a pool, a writer and a
durability of its own; the two files are a pair and know each other by an id.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, overload

from ragkernel.config import SqlConfig
from ragkernel.core import layout, pair
from ragkernel.core.database import Database
from ragkernel.core.layout import SINGLE, SPLIT
from ragkernel.core.migrate import APP_META, EVENTS
from ragkernel.core.pragmas import Settings
from ragkernel.errors import BackupFailed, ConfigurationError, SqlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from typing import Literal, TypeVar

    from ragkernel.connections import Reader, Writer
    from ragkernel.core.copy import Progress
    from ragkernel.core.migrate import Step
    from ragkernel.events.store import EventStore
    from ragkernel.knowledge.bases import KnowledgeBases
    from ragkernel.operations.backup import Backup
    from ragkernel.operations.health import DatabaseHealthMetrics
    from ragkernel.operations.restore import Restored

    Row = TypeVar("Row")


class SqlService:
    """The service over one configuration. Safe from every thread; a context manager that closes it.

    Opening creates missing files (mode 0600), applies and reads back every PRAGMA, and refuses another application's
    database and files that do not fit the configured layout, before anything is made or changed; it does not migrate:
    `run_migrations` does, and `ragkernel.open` does both. Raises ConfigurationError, LayoutMismatch, ConnectionFailed,
    RestoreInterrupted, NotADatabase, ForeignApplication; nothing stays open then. It starts no thread.

    for_restore: also open a pair whose restore was cut short, to call `restore` again; missing files are not created.
    """

    def __init__(self, config: SqlConfig, *, for_restore: bool = False) -> None:
        self._config = config
        self._split = config.use_split_databases
        self._app = self._events_db = _open_app(config, for_restore=for_restore)
        if self._split:
            try:
                self._events_db = _open_events(config, create=not for_restore)
            except BaseException:
                self._app.close()
                raise
        self._events: EventStore | None = None
        self._knowledge_bases: KnowledgeBases | None = None

    @property
    def config(self) -> SqlConfig:
        """The configuration that the service was made with."""
        return self._config

    @property
    def events(self) -> EventStore:
        """The event log."""
        if self._events is None:
            from ragkernel.events.store import EventStore

            self._events = EventStore(self._events_db, durable=self._config.durable_events)
        return self._events

    @property
    def knowledge_bases(self) -> KnowledgeBases:
        """The versions of the knowledge bases: which there are, which one readers use, which are kept."""
        if self._knowledge_bases is None:
            from ragkernel.knowledge.bases import KnowledgeBases
            from ragkernel.knowledge.facts import Facts

            self._knowledge_bases = KnowledgeBases(Facts(self._app, self._events_db, self.events))
        return self._knowledge_bases

    def run_migrations(self, target: int | None = None, *, dry_run: bool = False) -> list[Step]:
        """Bring the schema to version `target` (the latest where None), forward or backward, one transaction a step.

        dry_run: try the steps inside one transaction a file and roll it back. Returns the steps, empty where there was
        nothing to do; in split mode of both files, each as far as its set goes. What holds data is backed up to
        backup_dir first, as app_meta_before_migration_… (unless migration_backup is off), a pair as a pair. Blocks for
        the write queue. Raises MigrationFailed, MigrationHistoryChanged, SchemaTooNew, LayoutMismatch; a step that
        failed, or took longer than migration_timeout, left its file as it was before that step. In split mode what a
        kill left between the commits of the two files is finished afterwards.
        """
        timeout = self._config.migration_timeout.total_seconds()
        if self._config.migration_backup and not dry_run and self._pending(target) and self._holds_data():
            self._backup("_before_migration")
        if self._split:
            steps = pair.migrate(self._app, self._events_db, target, dry_run=dry_run, timeout=timeout)
            if target is None and not dry_run:
                self.knowledge_bases.facts.catch_up()
            return steps
        return self._app.migrate(target, dry_run=dry_run, timeout=timeout)

    def pending_migrations(self) -> list[Step]:
        """The migrations that the files still need; writes nothing."""
        return self._pending()

    def _pending(self, target: int | None = None) -> list[Step]:
        return pair.pending(self._app, self._events_db, target) if self._split else self._app.pending(target)

    def _holds_data(self) -> bool:
        return self._app.holds_data() or (self._split and self._events_db.holds_data())

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
        before the scope is left, also where app_wal_mode is NORMAL. In split mode it is the transaction of app_meta
        alone, and TransactionFailed inside a `write_events` scope: take app_meta first.
        """
        scope = self._app.write(durable=durable)
        return pair.AppWriteScope(self._app, self._events_db, scope) if self._split else scope

    def write_events(self, *, durable: bool = False) -> AbstractContextManager[Writer]:
        """The write scope of the database that holds the event tables: in single mode the same as `write`.

        In split mode it is a transaction of its own, since the two files do not commit as one, and waits
        events_connection_timeout at most.
        """
        return self._events_db.write(durable=durable)

    def bulk(self, insert_many: Callable[[Writer, Iterable[Row]], int], rows: Iterable[Row]) -> int:
        """Store many rows of an app_meta table by its generated insert_many; how many they were.

            service.bulk(queries.document_chunks.insert_many, chunks)

        rows: any iterable, streamed; rows for one transaction at a time are held in memory. The kernel chooses the
        transactions: as large as pays, with the -wal file within journal_size_limit (unless a reader keeps it from
        starting anew, or one row is larger). Each is whole or absent, and other threads have their turns between them.
        The iterable runs outside of them, so it may be slow, read and write by itself; created_at and updated_at that
        rows leave open are the moment of the call. Blocks until all is stored. Raises BulkStopped with `rows_stored`
        and the cause where a row is refused or the iterable fails: the transactions before it stay (`rows_unknown`:
        those that an I/O error at COMMIT leaves in doubt). Inside a read scope of the calling thread, the iterable's
        too, the -wal file outgrows its limit, because it cannot start anew before that scope is left. TransactionFailed
        inside a write scope.
        """
        from ragkernel.core.bulk import insert_in_bulk

        return insert_in_bulk(self._app, insert_many, rows, other=self._events_db)

    def bulk_loading(self) -> AbstractContextManager[None]:
        """A scope for loading much by write scopes of one's own: fewer, larger checkpoints of app_meta meanwhile.

        Inside it, from every thread, a checkpoint is due at half of journal_size_limit instead of at checkpoint_pages:
        keep each transaction below a third of it, and the -wal file stays within it. It is no transaction, and changes
        nothing but when checkpoints run. `bulk` does without it.
        """
        from ragkernel.core.bulk import BulkLoading

        return BulkLoading(self._app)

    @overload
    def get_app_connection(self, *, write: Literal[False] = False) -> AbstractContextManager[Reader]: ...
    @overload
    def get_app_connection(self, *, write: Literal[True]) -> AbstractContextManager[Writer]: ...
    def get_app_connection(self, *, write: bool = False) -> AbstractContextManager[Reader]:
        """A scope that leases a Reader, each statement of which sees the newest commit; with write=True, a Writer
        inside a write transaction, as `write` gives it."""
        return self.write() if write else self._app.read(snapshot=False)

    @overload
    def get_events_connection(self, *, write: Literal[False] = False) -> AbstractContextManager[Reader]: ...
    @overload
    def get_events_connection(self, *, write: Literal[True]) -> AbstractContextManager[Writer]: ...
    def get_events_connection(self, *, write: bool = False) -> AbstractContextManager[Reader]:
        """As get_app_connection, of the database that holds the event tables: in single mode the same."""
        return self._events_db.write() if write else self._events_db.read(snapshot=False)

    def backup_databases(self, *, progress: Progress | None = None) -> list[Backup]:
        """Copy every database as it is at this moment to backup_dir, verified; readers and writers go on meanwhile.

        In split mode both copies are of one moment, and a manifest beside them (pair_….json) makes them a backup of the
        pair. progress(pages copied, pages in all). Blocks for the whole copy. Raises BackupFailed; nothing stands under
        a final name then.
        """
        return self._backup("", progress)

    def _backup(self, purpose: str, progress: Progress | None = None) -> list[Backup]:
        """A backup whose files have `purpose` in their names."""
        folder = str(self._config.backup_dir)
        if self._split:
            from ragkernel.operations.backup_pair import backup_pair

            return backup_pair(self._app, self._events_db, folder, purpose=purpose, progress=progress)
        from ragkernel.operations.backup import backup_database

        return [backup_database(self._app, f"{APP_META}{purpose}", folder, progress=progress)]

    def restore(
        self,
        backup: str | os.PathLike[str],
        to: str | os.PathLike[str] | None = None,
        *,
        events_to: str | os.PathLike[str] | None = None,
    ) -> Restored:
        """Restore a backup: to the new file `to`, or in place of the present rows, which are backed up first.

        In place it is one transaction of the live file, so readers of every process keep their snapshot and see the
        restored rows afterwards; a backup of an older schema is migrated, and runs that were running when it was made
        are marked failed. Raises BackupRefused for a file that is no sound backup of this layout, BackupFailed, or what
        keeps the present rows from being backed up (DiskFull, WriterTimeout); the database is then as it was.

        In split mode `backup` is the manifest (pair_….json) or either of the two files beside it, and both are
        restored: to the new files `to` and `events_to`, or each in place, one transaction a file. Killed between the
        two, the next opening raises RestoreInterrupted; SqlService(config, for_restore=True).restore(backup) completes
        it.
        """
        _require_both(self._split, to, events_to, "restore", "events_to")
        source, folder = os.fspath(backup), str(self._config.backup_dir)
        timeout = self._config.busy_timeout.total_seconds()
        if self._split:
            from ragkernel.operations import restore_pair

            if to is not None and events_to is not None:
                return restore_pair.restore_pair_beside(source, os.fspath(to), os.fspath(events_to))
            restored = restore_pair.restore_pair_in_place(source, self._app, self._events_db, folder, timeout=timeout)
        else:
            from ragkernel.operations import restore

            databases = (APP_META, EVENTS)
            if to is not None:
                return restore.restore_beside(source, os.fspath(to), databases=databases)
            restored = restore.restore_in_place(
                source, self._app, APP_META, folder, databases=databases, timeout=timeout
            )
        self.run_migrations()
        return restored

    def vacuum(
        self, into: str | os.PathLike[str] | None = None, *, events_into: str | os.PathLike[str] | None = None
    ) -> None:
        """Rebuild the file without free pages (writers wait meanwhile), or write a compact copy to the file `into`.

        In split mode both files, one after the other; the copies to `into` and `events_into`, the events as the later
        ones.
        """
        from ragkernel.operations.maintenance import vacuum, vacuum_pair_into

        _require_both(self._split, into, events_into, "vacuum", "events_into")
        if self._split and into is not None and events_into is not None:
            vacuum_pair_into(self._app, self._events_db, os.fspath(into), os.fspath(events_into))
        else:
            vacuum(self._app, None if into is None else os.fspath(into))
            if self._split:
                vacuum(self._events_db)

    def health_check(self, *, deep: bool = False) -> DatabaseHealthMetrics:
        """What is true of the databases at this moment. deep: also read every page and check its integrity."""
        from ragkernel.operations import health

        events = self._events_db if self._split else None
        return health.check(self._app, events, journal_size_limit=self._config.journal_size_limit, deep=deep)

    @property
    def inside_write(self) -> bool:
        """Whether the calling thread is inside a write scope of a file of this service."""
        return self._app.inside_write or self._events_db.inside_write

    def require_same_file(self) -> None:
        """Raise FileReplaced where a database file was deleted or replaced since it was opened: what is written then
        goes nowhere. Commits look once a second by themselves."""
        self._app.require_same_file()
        self._events_db.require_same_file()

    def close(self) -> None:
        """Close every connection. Waits for scopes of other threads, app_connection_timeout at most. Idempotent.

        Raises TransactionFailed when the calling thread is inside a scope, or when another one is still writing after
        that time (its transaction goes on, and its connection is closed when it ends); PoolTimeout when one is still
        reading (its statement is interrupted); both name the thread. FileReplaced when a file was deleted or replaced
        since it was opened. In split mode the other file is closed then, too.
        """
        self._events_db.require_closable()
        self._app.require_closable()
        try:
            self._app.close()
        finally:
            self._events_db.close()

    def __enter__(self) -> SqlService:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def __repr__(self) -> str:
        databases = (self._app, self._events_db) if self._split else (self._app,)
        told = (f"{each.path!r}: {each.pool.active} of {each.pool.size} readers in use" for each in databases)
        return f"<SqlService {', '.join(told)}>"


def _require_both(split: bool, first: object, second: object, operation: str, name: str) -> None:
    """Refuse one target where the layout has two files, and two where it has one."""
    if second is not None and (first is None or not split):
        raise BackupFailed(
            f"{name} is given without the first file, or in single mode",
            operation=operation,
            hint="it names the second file of a pair",
        )
    if split and first is not None and second is None:
        raise BackupFailed("one target is given for a pair of files", operation=operation, hint=f"give {name} too")


def _settings(config: SqlConfig, synchronous: str) -> Settings:
    return Settings(
        synchronous=synchronous,
        cache_size_kib=config.cache_size_kib,
        mmap_size=config.mmap_size,
        busy_timeout_ms=round(config.busy_timeout.total_seconds() * 1000),
        journal_size_limit=config.journal_size_limit,
    )


def _open_app(config: SqlConfig, *, for_restore: bool) -> Database:
    """The file of the app_meta tables, in single mode of all; both files fit the configuration then."""
    path, busy_timeout = str(config.app_db_path), config.busy_timeout.total_seconds()
    if config.use_split_databases:
        layout.require_pair(path, str(config.events_db_path), busy_timeout, for_restore=for_restore)
    else:
        layout.require_single(path, busy_timeout)
    return Database(
        path,
        _settings(config, config.app_wal_mode.name),
        pool_size=config.app_pool_size,
        pool_timeout=config.app_connection_timeout.total_seconds(),
        busy_timeout=busy_timeout,
        databases=(APP_META,) if config.use_split_databases else (APP_META, EVENTS),
        layout=SPLIT if config.use_split_databases else SINGLE,
        checkpoint_pages=config.checkpoint_pages,
        create=not for_restore,
    )


def _open_events(config: SqlConfig, *, create: bool) -> Database:
    """The file of the event tables, in split mode."""
    return Database(
        str(config.events_db_path),
        _settings(config, config.events_wal_mode.name),
        pool_size=config.events_pool_size,
        pool_timeout=config.events_connection_timeout.total_seconds(),
        busy_timeout=config.busy_timeout.total_seconds(),
        databases=(EVENTS,),
        layout=SPLIT,
        checkpoint_pages=config.checkpoint_pages,
        create=create,
    )


def open(path: str | os.PathLike[str] | SqlConfig, config: SqlConfig | None = None) -> SqlService:
    """Open a database, verify it and migrate it to the latest schema; created where it is missing.

    path: the file of app_meta, or a configuration, which names it. config: the settings (SqlConfig.single(path) where
    None); its app_db_path gives way to `path`. Returns the service, to be closed or used as a context manager. Raises
    what SqlService and run_migrations raise; nothing stays open then.
    """
    if isinstance(path, SqlConfig):
        if config is not None:
            raise ConfigurationError("two configurations are given", operation="open", hint="give one")
        chosen = path
    else:
        chosen = SqlConfig.single(path) if config is None else config.replace(app_db_path=path)
    service = SqlService(chosen)
    try:
        service.run_migrations()
    except BaseException:
        with suppress(SqlError):  # what is wrong is what was raised first
            service.close()
        raise
    return service
