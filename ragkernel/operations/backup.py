"""Online backups under a temporary name, checked before they get their final one.

A killed backup leaves an empty or half-written file that integrity_check may call ok (hazard 38). So the copy is made
beside the target under a name that no listing takes for a backup, is verified, synced, and only then renamed.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.clock import sql_timestamp, utc_now
from ragkernel.core import copy
from ragkernel.core.ledger import BACKUP_LAST_RUN
from ragkernel.core.pragmas import APPLICATION_ID
from ragkernel.errors import BackupFailed, DatabaseDamaged, DiskFull, NotADatabase, SqlError
from ragkernel.generated import queries

from . import files

if TYPE_CHECKING:
    from datetime import datetime

    from ragkernel.core.copy import FileFacts, Progress
    from ragkernel.core.database import Database


class NoSoundCopy(BackupFailed):
    """The database itself gives no sound copy: it is damaged, or holds no schema of ragkernel yet."""


# Why a backup fails where the database itself is at fault; for any other reason it may be sound.
DAMAGE = (NoSoundCopy, DatabaseDamaged, NotADatabase)


class Backup(NamedTuple):
    """A verified backup. database: "app_meta" or "events". size_bytes: of the file. seconds: what it took, for both
    files of a pair. manifest: the file that makes two backups one of a pair, None in single mode."""

    database: str
    path: str
    created_at: datetime
    size_bytes: int
    seconds: float
    manifest: str | None = None


def backup_database(
    database: Database, name: str, folder: str, *, progress: Progress | None = None, timeout: float | None = None
) -> Backup:
    """Copy the database as it is at this moment to `folder`/`name`_YYYYmmdd_HHMMSS.db (UTC), verified and synced.

    Writers and readers go on meanwhile. progress(pages copied, pages in all) is called between steps. timeout: seconds.
    Blocks for the whole copy. Raises BackupFailed or another SqlError; nothing stands under the final name then.
    """
    started = time.monotonic()
    if database.inspect().schema_version == 0:
        told = "the database holds no schema of ragkernel yet"
        raise NoSoundCopy(told, operation="backup", path=database.path, hint="run the migrations first")
    moment = utc_now()
    path = _copy(database, name, folder, moment, progress=progress, timeout=timeout)
    # The backup stands: where this cannot be noted, health goes on telling the older time.
    with suppress(SqlError), database.write() as conn:
        queries.kernel_state.upsert(conn, key=BACKUP_LAST_RUN, value=sql_timestamp(moment))
    return Backup(name, path, moment, os.stat(path).st_size, time.monotonic() - started)


def copy_aside(database: Database, name: str, folder: str) -> Backup:
    """Keep the present rows before they are replaced: as a backup, or, where the database is damaged, page by page and
    unverified as `name`_…_damaged.db. Raises BackupFailed where not even that can be done, and what prevents a backup
    of a sound database: a lock, a full disk."""
    try:
        return backup_database(database, name, folder)
    except DAMAGE as error:
        first: SqlError = error
    return copy_unverified(database, name, folder, first)


def copy_unverified(database: Database, name: str, folder: str, first: SqlError) -> Backup:
    """Copy a damaged database page by page. first: why a backup could not be made. Raises BackupFailed, DiskFull."""
    started, moment = time.monotonic(), utc_now()
    try:
        path = _copy(database, name, folder, moment, suffix="_damaged", verify=False)
    except DiskFull:
        raise
    except SqlError as error:
        raise failed(
            f"the present database is damaged and cannot be copied aside: {error.message}",
            database.path,
            hint="restore the backup to a new file, which leaves the damaged one as it is",
        ) from first
    return Backup(name, path, moment, os.stat(path).st_size, time.monotonic() - started)


def _copy(
    database: Database,
    name: str,
    folder: str,
    moment: datetime,
    *,
    suffix: str = "",
    verify: bool = True,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> str:
    """The path of a copy that is whole, synced and (unless told otherwise) verified."""
    final = folder
    temporary = ""
    try:
        files.make_folder(folder)
        files.remove_leftovers(folder)
        final = files.free_name(folder, f"{name}_{moment:%Y%m%d_%H%M%S}{suffix}")
        temporary = files.temporary_name(final)
        copy.copy_to(database, temporary, progress=progress, timeout=timeout)
        if verify:
            require_sound(temporary)
        return files.publish(temporary, final, number_it=True)
    except OSError as error:
        raise failed(f"cannot write the backup: {error.strerror}", final) from None
    finally:
        if temporary:
            files.remove(temporary)


def require_sound(path: str) -> FileFacts:
    """The facts of a copy that was just made; NoSoundCopy where it is not sound, or empty (hazard 38)."""
    try:
        facts = copy.examine(path)
    except DAMAGE as error:
        problem = error.message
    else:
        if not facts.problems and facts.application_id == APPLICATION_ID:
            return facts
        problem = facts.problems[0] if facts.problems else "it is empty"
    hint = "the database itself may be damaged: check its health"
    raise NoSoundCopy(f"the copy is not sound: {problem}", operation="backup", path=path, hint=hint)


def failed(message: str, path: str, *, hint: str = "") -> BackupFailed:
    """The error of a backup that could not be made, or not be restored."""
    return BackupFailed(message, operation="backup", path=path, hint=hint or "check the folder, its mode and the space")
