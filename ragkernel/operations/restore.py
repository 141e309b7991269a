"""Restoring a backup: to a new file, in place of the rows of an open database, or over a file that nobody can open."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.clock import sql_timestamp, utc_now
from ragkernel.core import copy
from ragkernel.core.database import is_live
from ragkernel.core.layout import SINGLE
from ragkernel.core.ledger import BACKUP_LAST_RUN
from ragkernel.core.migrate import load
from ragkernel.core.pragmas import APPLICATION_ID
from ragkernel.errors import BackupRefused, SqlError
from ragkernel.generated import queries

from . import files
from .backup import copy_aside, failed, require_sound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragkernel.core.copy import FileFacts
    from ragkernel.core.database import Database
    from ragkernel.core.writer import FileWriter


class Restored(NamedTuple):
    """A restored database. path: the file that now has the backup's rows. replaced: the copy of what stood there
    before, None where nothing did. schema_version: the backup's, before any migration. size_bytes: of all files.
    events_path, events_replaced: the same of the second file of a pair, None in single mode."""

    path: str
    replaced: str | None
    schema_version: int
    size_bytes: int
    seconds: float
    events_path: str | None = None
    events_replaced: str | None = None


def restore_beside(backup: str, target: str, *, databases: Sequence[str]) -> Restored:
    """Copy a backup to the new file `target`, verified and synced. A -wal that a lost file has left there, which would
    ruin it, is kept under another name. Raises BackupRefused where the backup cannot be used, BackupFailed where
    `target` exists; nothing stands under its name then."""
    started = time.monotonic()
    facts = _require_usable(backup, databases)
    if os.path.lexists(target):
        raise failed("the target exists", target, hint="name a file that does not exist, or restore in place")
    temporary = files.temporary_name(target)
    try:
        copy.copy_file(backup, temporary)
        require_sound(temporary)
        files.publish_database(temporary, target)
    except OSError as error:
        raise failed(f"cannot write the restored database: {error.strerror}", target) from None
    finally:
        files.remove(temporary)
    return Restored(target, None, _version(facts), os.stat(target).st_size, time.monotonic() - started)


def restore_in_place(
    backup: str, database: Database, name: str, folder: str, *, databases: Sequence[str], timeout: float
) -> Restored:
    """Replace the rows of the open database by a backup's, as one transaction of the live file.

    First the present rows are copied to `folder` as `name`_before_restore_…: they are kept, also where they are
    damaged. Readers, of other processes too, keep their snapshot and see the restored rows afterwards. timeout: seconds
    for the wait for locks. Raises BackupRefused, BackupFailed; the database is then as it was.
    """
    started = time.monotonic()
    facts = _require_usable(backup, databases)
    page_size = database.inspect().page_size
    if facts.page_size != page_size:
        raise _refused(
            f"the backup has pages of {facts.page_size} bytes, the database of {page_size}",
            backup,
            hint="restore it to a new file",
        )
    replaced = copy_aside(database, f"{name}_before_restore", folder)

    def replace(writer: FileWriter) -> None:
        connection = writer.connection()
        copy.copy_over(backup, connection, timeout=timeout)
        end_restored_runs(writer, timeout)
        with suppress(SqlError):  # the whole database stands in the WAL now, which is large, and no reason to fail
            writer.checkpointer.run(connection)

    database.exclusively("restore", replace)
    with database.write() as conn:  # the restored rows say when the backup itself was made, or nothing
        queries.kernel_state.upsert(conn, key=BACKUP_LAST_RUN, value=sql_timestamp(replaced.created_at))
    size = os.stat(database.path).st_size
    return Restored(database.path, replaced.path, _version(facts), size, time.monotonic() - started)


def end_restored_runs(writer: FileWriter, timeout: float) -> None:
    """Mark the runs failed that were running when the backup was made: one of them may go on, in this process or in
    another, and would take the restored rows for those that it has stored. Called with the write queue held."""
    conn = writer.begin(timeout)
    try:
        queries.pipeline_runs.fail_running(conn, completed_at=utc_now(), error_message="the database was restored")
        writer.commit(timeout)
    finally:
        writer.rollback()
        writer.finish()


def replace_unopenable(backup: str, path: str, *, databases: Sequence[str]) -> Restored:
    """Put a backup in the place of a database file that SQLite cannot open or that is empty, which is renamed and kept.

    The file's -wal and -shm, which would ruin the restored one, are renamed first. For a file that no process has
    open. Raises BackupRefused, BackupFailed; the file then has its name again.
    """
    _require_usable(backup, databases)
    kept = files.name_aside(path, "damaged")
    moved: list[tuple[str, str]] = []
    try:
        moved.extend(files.move_companions(path, kept))  # with what it has done, where it fails
        os.rename(path, kept)
        moved.append((path, kept))
        return restore_beside(backup, path, databases=databases)._replace(replaced=kept)
    except OSError as error:
        problem = failed(f"cannot move the damaged file: {error.strerror}", path)
    except SqlError as error:
        problem = failed(error.message, path, hint=error.hint)
    for old, new in reversed(moved):
        os.rename(new, old)
    raise problem


def _require_usable(path: str, databases: Sequence[str]) -> FileFacts:
    """The facts of a backup that can be restored in single mode; BackupRefused otherwise."""
    path = os.path.realpath(path)
    if path.endswith(".json"):
        raise _refused("the file is the manifest of a split pair", path, hint="configure split mode")
    facts = require_file_of_backup(path)
    if facts.application_id != APPLICATION_ID or not facts.applied:
        raise _refused("the file holds no schema of ragkernel", path)
    latest = max(migration.version for migration in load(databases))
    if _version(facts) > latest:
        raise _refused(
            f"the file is newer: schema version {_version(facts)}, this code knows {latest}",
            path,
            hint="use a newer ragkernel",
        )
    if facts.mark.layout != SINGLE:
        raise _refused(
            f"the file belongs to a {facts.mark.layout} store", path, hint=f"configure {facts.mark.layout} mode"
        )
    return facts


def require_file_of_backup(path: str) -> FileFacts:
    """The facts of a sound database file that nobody has in use; BackupRefused otherwise. Reads the whole file."""
    if not os.path.isfile(path):
        what = "it is a folder" if os.path.isdir(path) else "there is no such file"
        raise _refused(what, path, hint="name a file that ragkernel backup made")
    if os.path.exists(path + "-wal") or is_live(os.stat(path)):
        raise _refused("the file is in use as a database", path, hint="restore a backup, not a live database")
    return _examined(path)


def _examined(path: str) -> FileFacts:
    try:
        facts = copy.examine(path)
    except SqlError as error:
        problem = error.message
    else:
        if not facts.problems:
            return facts
        problem = facts.problems[0]
    raise _refused(f"the file is damaged, or no database: {problem}", path, hint="use another backup")


def _version(facts: FileFacts) -> int:
    return facts.applied[-1].version


def _refused(message: str, path: str, *, hint: str = "") -> BackupRefused:
    return BackupRefused(message, operation="restore", path=path, hint=hint or "name a file that ragkernel backup made")
