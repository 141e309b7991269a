"""Health: what is true of the databases at this moment. Every figure is read when it is asked for; none is made up."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ragkernel.clock import parse_timestamp
from ragkernel.core.checkpoint import exposed_to_wal_reset
from ragkernel.core.migrate import APP_META, EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ragkernel.core.database import Database

# Below this many bytes of free disk the status is degraded.
_LITTLE_SPACE = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DatabaseHealthMetrics:
    """The specification's eight metrics, and what an operator asks next. Sizes in bytes.

    What names neither app nor events is of both files of a pair together: sums, the older of two last runs and
    checkpoints, the lesser free disk. The fields of events are None in single mode.
    """

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
    events_wal_size: int | None
    events_pool_size: int | None
    events_pool_open: int | None
    events_pool_waiting: int | None
    events_pool_timeouts: int | None
    leaked_cursors: int
    readers: tuple[str, ...]  # who holds a reader now: thread, seconds, latest statement without values
    write_queue_waiting: int
    commits: int
    rollbacks: int
    checkpoints: int
    free_disk: int
    file_mode: str  # of the file that more may read, as octal digits
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


class _File:
    """What is true of one file."""

    def __init__(self, database: Database, journal_size_limit: int, name: str, *, deep: bool) -> None:
        self.pool, self.writer = database.pool, database.writer
        self.facts = facts = database.inspect(deep=deep)
        self.vacuumed, self.backed_up = _moment(facts.vacuumed), _moment(facts.backed_up)
        status = os.stat(database.path)
        self.size, self.mode = status.st_size, status.st_mode & 0o777
        self.wal_size = _size(database.path + "-wal")
        folder = os.statvfs(os.path.dirname(database.path))
        self.free_disk = folder.f_bavail * folder.f_frsize
        before = f"{name}: " if name else ""
        self.failing = [before + problem for problem in facts.problems]
        self.degraded = [before + reason for reason in self._reasons(journal_size_limit)]
        self.notices = [
            f"{before}SQLite took {capped.got} for {capped.name} where {capped.asked} was asked"
            for capped in database.capped()
        ]
        kept = self.writer.checkpointer.kept
        if kept > journal_size_limit // 4:
            self.notices.append(f"{before}readers, or another writer, keep {kept} bytes of the WAL from being reused")
        self.readers = [f"{before}{thread}: {age:.1f} s: {statement}" for thread, age, statement in self.pool.holders()]

    def _reasons(self, journal_size_limit: int) -> Iterator[str]:
        if self.facts.pending:
            yield f"pending migrations: {self.facts.pending}"
        if self.wal_size > 2 * journal_size_limit:
            yield f"the WAL has {self.wal_size} bytes, more than twice its limit"
        if self.free_disk < _LITTLE_SPACE:
            yield f"{self.free_disk} bytes of disk are left"
        if self.mode & 0o077:
            yield f"others may read the file (mode {self.mode:04o})"
        if self.writer.checkpointer.failure is not None:
            yield f"the last checkpoint failed: {self.writer.checkpointer.failure.message}"


def check(
    app: Database, events: Database | None = None, *, journal_size_limit: int, deep: bool = False
) -> DatabaseHealthMetrics:
    """Measure. events: the second file of a pair; each reason then says which file it is of. journal_size_limit: bytes
    of WAL that are usual. deep: run integrity_check and foreign_key_check, which read the whole files. Blocks for a
    reader. Raises SqlError where a file cannot be read at all."""
    first = _File(app, journal_size_limit, "" if events is None else APP_META, deep=deep)
    second = None if events is None else _File(events, journal_size_limit, EVENTS, deep=deep)
    files = [first] if second is None else [first, second]
    failing = [reason for each in files for reason in each.failing]
    degraded = [reason for each in files for reason in each.degraded]
    backed_up = _oldest(each.backed_up for each in files)
    return DatabaseHealthMetrics(
        app_db_size=first.size,
        events_db_size=None if second is None else second.size,
        app_pool_active=first.pool.active,
        events_pool_active=None if second is None else second.pool.active,
        wal_checkpoint_age=timedelta(seconds=max(each.writer.checkpointer.age for each in files)),
        vacuum_last_run=_oldest(each.vacuumed for each in files),
        backup_last_run=backed_up,
        is_split_database=second is not None,
        status="failing" if failing else "degraded" if degraded else "ok",
        reasons=(*failing, *degraded),
        notices=_notices(files, backed_up),
        schema_version=max(each.facts.schema_version for each in files),
        pending_migrations=sum(each.facts.pending for each in files),
        app_wal_size=first.wal_size,
        page_count=sum(each.facts.pages for each in files),
        free_pages=sum(each.facts.free_pages for each in files),
        app_pool_size=first.pool.size,
        app_pool_open=first.pool.open,
        app_pool_waiting=first.pool.waiting,
        app_pool_timeouts=first.pool.timeouts,
        events_wal_size=None if second is None else second.wal_size,
        events_pool_size=None if second is None else second.pool.size,
        events_pool_open=None if second is None else second.pool.open,
        events_pool_waiting=None if second is None else second.pool.waiting,
        events_pool_timeouts=None if second is None else second.pool.timeouts,
        leaked_cursors=sum(each.pool.leaked_cursors + each.writer.leaked_cursors for each in files),
        readers=tuple(reader for each in files for reader in each.readers),
        write_queue_waiting=sum(each.writer.queue.waiting for each in files),
        commits=sum(each.writer.commits for each in files),
        rollbacks=sum(each.writer.rollbacks for each in files),
        checkpoints=sum(each.writer.checkpointer.runs for each in files),
        free_disk=min(each.free_disk for each in files),
        file_mode=f"{max((each.mode for each in files), key=lambda mode: (mode & 0o077, mode)):04o}",
        sqlite_version=sqlite3.sqlite_version,
    )


def _oldest(moments: Iterable[datetime | None]) -> datetime | None:
    """The oldest moment; None where one of the files has none."""
    known = list(moments)
    present = [moment for moment in known if moment is not None]
    return min(present) if len(present) == len(known) else None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_timestamp(text)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _notices(files: Iterable[_File], backed_up: datetime | None) -> tuple[str, ...]:
    notices = [notice for each in files for notice in each.notices]
    if exposed_to_wal_reset(sqlite3.sqlite_version_info):
        notices.append(
            f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug: ragkernel's checkpoints avoid it,"
            " those of other tools on this file may not"
        )
    if backed_up is None:
        notices.append("there has been no backup yet")
    return tuple(notices)
