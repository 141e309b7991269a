"""Online backups under a temporary name, checked before they get their final one; and restoring them.

A killed backup leaves an empty or half-written file that integrity_check may call ok (hazard 38). So the copy is made
beside the target under a name that no listing takes for a backup, is verified, synced, and only then renamed.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.clock import new_id, sql_timestamp, utc_now
from ragkernel.core import copy
from ragkernel.core.ledger import BACKUP_LAST_RUN
from ragkernel.core.migrate import load
from ragkernel.core.pragmas import APPLICATION_ID
from ragkernel.errors import BackupFailed, BackupRefused
from ragkernel.generated import queries

if TYPE_CHECKING:
    from datetime import datetime

    from ragkernel.core.copy import FileFacts, Progress
    from ragkernel.core.database import Database
    from ragkernel.core.writer import FileWriter

# What a copy that is not verified yet is called: hidden, and not *.db.
_UNFINISHED = ".unfinished"


class Backup(NamedTuple):
    """A verified backup. database: "app_meta" or "events". size_bytes: of the file. seconds: what it took."""

    database: str
    path: str
    created_at: datetime
    size_bytes: int
    seconds: float


class Restored(NamedTuple):
    """A restored database. path: the file that now has the backup's rows. replaced: the copy of what stood there
    before, None when the backup was restored beside. schema_version: the restored file's, before any migration."""

    path: str
    replaced: str | None
    schema_version: int
    size_bytes: int
    seconds: float


def make_folder(folder: str) -> None:
    """Create the backup folder, readable by its owner only, if there is none. Raises BackupFailed."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise _failed(f"cannot make the backup folder: {error.strerror}", folder) from None


def backup_database(
    database: Database, name: str, folder: str, *, progress: Progress | None = None, timeout: float | None = None
) -> Backup:
    """Copy the database as it is at this moment to `folder`/`name`_YYYYmmdd_HHMMSS.db (UTC), verified and synced.

    Writers and readers go on meanwhile. progress(pages copied, pages in all) is called between steps. timeout: seconds.
    Blocks for the whole copy. Raises BackupFailed or another SqlError; nothing stands under the final name then.
    """
    make_folder(folder)
    started = time.monotonic()
    moment = utc_now()
    final = _free_name(folder, f"{name}_{moment:%Y%m%d_%H%M%S}")
    temporary = os.path.join(folder, f".{os.path.basename(final)}.{new_id()}{_UNFINISHED}")
    try:
        copy.copy_to(database, temporary, progress=progress, timeout=timeout)
        _require_sound(copy.examine(temporary), temporary)
        final = _publish(temporary, final, number_it=True)
    except OSError as error:
        raise _failed(f"cannot write the backup: {error.strerror}", final) from None
    finally:
        _remove(temporary)
    with database.write() as conn:
        queries.kernel_state.upsert(conn, key=BACKUP_LAST_RUN, value=sql_timestamp(moment))
    return Backup(name, final, moment, os.stat(final).st_size, time.monotonic() - started)


def restore_beside(backup: str, target: str, *, databases: tuple[str, ...]) -> Restored:
    """Copy a backup to the new file `target`, verified and synced. Raises BackupRefused where the backup cannot be
    used, BackupFailed where `target` exists; nothing stands under its name then."""
    started = time.monotonic()
    facts = _require_usable(backup, databases)
    if os.path.lexists(target):
        raise _failed("the target exists", target, hint="name a file that does not exist, or restore in place")
    folder = os.path.dirname(os.path.abspath(target))
    temporary = os.path.join(folder, f".{os.path.basename(target)}.{new_id()}{_UNFINISHED}")
    try:
        copy.copy_file(backup, temporary)
        _require_sound(copy.examine(temporary), temporary)
        _publish(temporary, target, number_it=False)
    except OSError as error:
        raise _failed(f"cannot write the restored database: {error.strerror}", target) from None
    finally:
        _remove(temporary)
    return Restored(target, None, _version(facts), os.stat(target).st_size, time.monotonic() - started)


def restore_in_place(
    backup: str, database: Database, name: str, folder: str, *, databases: tuple[str, ...], timeout: float
) -> Restored:
    """Replace the rows of the open database by a backup's, as one transaction of the live file.

    First the present rows are backed up to `folder` as `name`_before_restore_…: they are kept. Readers, of other
    processes too, keep their snapshot and see the restored rows afterwards. timeout: seconds for the wait for locks.
    Raises BackupRefused, BackupFailed; the database is then as it was.
    """
    started = time.monotonic()
    facts = _require_usable(backup, databases)
    if os.path.samefile(backup, database.path):
        raise _refused("the backup is the live database itself", backup, hint="name another file")
    replaced = backup_database(database, f"{name}_before_restore", folder)

    def replace(writer: FileWriter) -> None:
        connection = writer.connection()
        copy.copy_over(backup, connection, timeout=timeout)
        writer.checkpointer.run(connection)  # the whole database stands in the WAL now

    database.exclusively("restore", replace)
    with database.write() as conn:  # the restored rows say when the backup itself was made, or nothing
        queries.kernel_state.upsert(conn, key=BACKUP_LAST_RUN, value=sql_timestamp(replaced.created_at))
    size = os.stat(database.path).st_size
    return Restored(database.path, replaced.path, _version(facts), size, time.monotonic() - started)


def _require_usable(path: str, databases: tuple[str, ...]) -> FileFacts:
    """The facts of a backup that can be restored for this layout; BackupRefused otherwise."""
    if not os.path.isfile(path):
        raise _refused("there is no such file", path, hint="ragkernel backup makes one")
    if os.path.exists(path + "-wal"):
        raise _refused("the file is in use as a database", path, hint="restore a backup, not a live database")
    facts = copy.examine(path)
    if facts.application_id != APPLICATION_ID:
        raise _refused("the file is not a database of ragkernel", path)
    if facts.problems:
        raise _refused(f"the file is damaged: {facts.problems[0]}", path, hint="use an older backup")
    if not facts.applied:
        raise _refused("the file holds no schema of ragkernel", path)
    latest = max(migration.version for migration in load(databases))
    if _version(facts) > latest:
        raise _refused(
            f"the file is newer: schema version {_version(facts)}, this code knows {latest}",
            path,
            hint="use a newer ragkernel",
        )
    held = {entry.database for entry in facts.applied}
    if facts.layout != ("single" if len(databases) > 1 else "split") or not held <= set(databases):
        raise _refused(f"the file belongs to a {facts.layout} store", path, hint=f"configure {facts.layout} mode")
    return facts


def _version(facts: FileFacts) -> int:
    return facts.applied[-1].version


def _require_sound(facts: FileFacts, path: str) -> None:
    if facts.problems:
        raise _failed(f"the copy is not sound: {facts.problems[0]}", path, hint="check the database and the disk")
    if facts.application_id != APPLICATION_ID:
        raise _failed("the copy is empty", path)


def _publish(temporary: str, final: str, *, number_it: bool) -> str:
    """Give a verified copy its final name, never over a file that is there: link fails where rename would replace.

    number_it: take the next free numbered name instead of failing where another process took the name meanwhile.
    """
    copy.make_durable(temporary)
    base = final
    number = 1
    while True:
        try:
            os.link(temporary, final)
            break
        except FileExistsError:
            if not number_it:
                raise
            number += 1
            final = f"{base.removesuffix('.db')}_{number}.db"
        except OSError:  # a file system without hard links
            if os.path.lexists(final):
                raise
            os.rename(temporary, final)
            break
    _remove(temporary)
    copy.make_durable(final)
    return final


def _free_name(folder: str, stem: str) -> str:
    """`stem`.db, or `stem`_2.db and so on where a backup of the same second has that name."""
    path = os.path.join(folder, f"{stem}.db")
    number = 1
    while os.path.lexists(path):
        number += 1
        path = os.path.join(folder, f"{stem}_{number}.db")
    return path


def _remove(path: str) -> None:
    for leftover in (path, path + "-journal", path + "-wal", path + "-shm"):
        with suppress(OSError):
            os.unlink(leftover)


def _failed(message: str, path: str, *, hint: str = "") -> BackupFailed:
    return BackupFailed(message, operation="backup", path=path, hint=hint or "check the folder, its mode and the space")


def _refused(message: str, path: str, *, hint: str = "") -> BackupRefused:
    return BackupRefused(message, operation="restore", path=path, hint=hint or "name a file that ragkernel backup made")
