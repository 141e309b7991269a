"""Health: what is true of the databases at this moment. Every figure is read when it is asked for; none is made up."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ragkernel.clock import parse_timestamp
from ragkernel.core.checkpoint import exposed_to_wal_reset

if TYPE_CHECKING:
    from ragkernel.core.database import Database

# Below this many bytes of free disk the status is degraded.
_LITTLE_SPACE = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DatabaseHealthMetrics:
    """The specification's eight metrics, and what an operator asks next. Sizes in bytes."""

    app_db_size: int
    events_db_size: int | None  # None in single mode
    app_pool_active: int
    events_pool_active: int | None  # None in single mode
    wal_checkpoint_age: timedelta  # since the last checkpoint of this process, else since the file was opened
    vacuum_last_run: datetime | None  # None where it never ran
    backup_last_run: datetime | None
    is_split_database: bool

    status: str  # "ok", "degraded" or "failing"
    reasons: tuple[str, ...]  # why the status is not "ok"
    notices: tuple[str, ...]  # worth knowing, without changing the status
    schema_version: int
    pending_migrations: int
    app_wal_size: int
    page_count: int
    free_pages: int
    app_pool_size: int
    app_pool_open: int
    app_pool_waiting: int
    app_pool_timeouts: int
    leaked_cursors: int
    readers: tuple[str, ...]  # who holds a reader now: thread, seconds, latest statement without values
    write_queue_waiting: int
    commits: int
    rollbacks: int
    checkpoints: int
    free_disk: int
    file_mode: str
    sqlite_version: str

    def as_dict(self) -> dict[str, Any]:
        """All fields as JSON values: moments as ISO 8601 text, durations as seconds."""
        return {name: _json(value) for name, value in asdict(self).items()}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return list(value) if isinstance(value, tuple) else value


def check(database: Database, *, journal_size_limit: int, deep: bool = False) -> DatabaseHealthMetrics:
    """Measure. journal_size_limit: bytes of WAL that are usual. deep: run integrity_check and foreign_key_check, which
    read the whole file. Blocks for a reader. Raises SqlError where the database cannot be read at all."""
    pool, writer = database.pool, database.writer
    facts = database.inspect(deep=deep)
    vacuumed, backed_up = _moment(facts.vacuumed), _moment(facts.backed_up)
    status = os.stat(database.path)
    folder = os.statvfs(os.path.dirname(database.path))
    free_disk = folder.f_bavail * folder.f_frsize
    wal_size = _size(database.path + "-wal")
    failing = [*facts.problems]
    degraded = []
    if facts.pending:
        degraded.append(f"pending migrations: {facts.pending}")
    if wal_size > 2 * journal_size_limit:
        degraded.append(f"the WAL has {wal_size} bytes, more than twice its limit")
    if free_disk < _LITTLE_SPACE:
        degraded.append(f"{free_disk} bytes of disk are left")
    if status.st_mode & 0o077:
        degraded.append(f"others may read the file (mode {status.st_mode & 0o777:04o})")
    if writer.checkpointer.failure is not None:
        degraded.append(f"the last checkpoint failed: {writer.checkpointer.failure.message}")
    return DatabaseHealthMetrics(
        app_db_size=status.st_size,
        events_db_size=None,
        app_pool_active=pool.active,
        events_pool_active=None,
        wal_checkpoint_age=timedelta(seconds=writer.checkpointer.age),
        vacuum_last_run=vacuumed,
        backup_last_run=backed_up,
        is_split_database=False,
        status="failing" if failing else "degraded" if degraded else "ok",
        reasons=(*failing, *degraded),
        notices=_notices(database, backed_up),
        schema_version=facts.schema_version,
        pending_migrations=facts.pending,
        app_wal_size=wal_size,
        page_count=facts.pages,
        free_pages=facts.free_pages,
        app_pool_size=pool.size,
        app_pool_open=pool.open,
        app_pool_waiting=pool.waiting,
        app_pool_timeouts=pool.timeouts,
        leaked_cursors=pool.leaked_cursors,
        readers=tuple(f"{name}: {age:.1f} s: {statement}" for name, age, statement in pool.holders()),
        write_queue_waiting=writer.queue.waiting,
        commits=writer.commits,
        rollbacks=writer.rollbacks,
        checkpoints=writer.checkpointer.runs,
        free_disk=free_disk,
        file_mode=f"{status.st_mode & 0o777:04o}",
        sqlite_version=sqlite3.sqlite_version,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_timestamp(text)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _notices(database: Database, backed_up: datetime | None) -> tuple[str, ...]:
    notices = [
        f"SQLite took {capped.got} for {capped.name} where {capped.asked} was asked" for capped in database.capped()
    ]
    if exposed_to_wal_reset(sqlite3.sqlite_version_info):
        notices.append(
            f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug: ragkernel's checkpoints avoid it,"
            " those of other tools on this file may not"
        )
    if backed_up is None:
        notices.append("there has been no backup yet")
    return tuple(notices)
