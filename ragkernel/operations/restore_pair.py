"""Restoring a backup of a pair: both files or none, in place of the rows of an open pair, or as two new files.

Two files cannot be replaced in one step. So app_meta carries the mark "restoring" from before the first file is touched
until both are replaced: whoever opens the pair in between is told to run the restore again.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ragkernel.clock import sql_timestamp, utc_now
from ragkernel.core import copy
from ragkernel.core.layout import SPLIT, look
from ragkernel.core.ledger import BACKUP_LAST_RUN
from ragkernel.core.migrate import APP_META, EVENTS, load
from ragkernel.core.pair import begin_restore, give_up_restore, mark_of
from ragkernel.core.pragmas import APPLICATION_ID
from ragkernel.errors import LayoutMismatch, NotADatabase, SqlError
from ragkernel.generated import queries

from . import files, manifest
from .backup import failed, require_sound
from .backup_pair import NAMES, copy_pair_aside
from .manifest import refused
from .restore import Restored, end_restored_runs, require_file_of_backup

if TYPE_CHECKING:
    from ragkernel.core.copy import FileFacts
    from ragkernel.core.database import Database
    from ragkernel.core.writer import FileWriter

    from .manifest import Manifest, Part


def require_usable(backup: str) -> tuple[Manifest, tuple[FileFacts, FileFacts]]:
    """The manifest of a backup of a pair, named by itself or by either of its files, and the facts of both files.

    Both are read as a whole. Raises BackupRefused where one is missing, damaged, changed, newer than the code, or not
    what the manifest says.
    """
    found = manifest.load(_manifest_of(os.path.realpath(backup)))
    app = _require_part(found, found.app_path, found.app_meta, APP_META)
    events = _require_part(found, found.events_path, found.events, EVENTS)
    if events.event_position != found.event_position:
        raise refused(
            f"the events end at {events.event_position}, the manifest says {found.event_position}", found.path
        )
    return found, (app, events)


def _manifest_of(backup: str) -> str:
    if os.path.isdir(backup):
        raise refused("it is a folder", backup)
    if not os.path.isfile(backup):
        raise refused("there is no such file", backup)
    if backup.endswith(".json"):
        return backup
    beside = manifest.beside(backup)
    if beside is not None and os.path.isfile(beside):
        return beside
    mark = require_file_of_backup(backup).mark
    if mark.layout != SPLIT:
        raise refused("the file is a backup of a single store, the configuration says split mode", backup)
    raise refused(
        f"the file is half of a pair, and its manifest {os.path.basename(beside or 'pair_….json')} is not beside it",
        backup,
        hint="put both files and their manifest into one folder, and name the manifest",
    )


def _require_part(found: Manifest, path: str, part: Part, database: str) -> FileFacts:
    if not os.path.isfile(path):
        hint = "put both files and their manifest into one folder"
        raise refused(f"{part.name}, one half of the backup, is not beside the manifest", found.path, hint=hint)
    facts = require_file_of_backup(path)
    if manifest.describe(path, part.name) != part:
        raise refused("the file is not the one that was backed up: its digest differs from the manifest's", path)
    mark = facts.mark
    if facts.application_id != APPLICATION_ID or mark.layout != SPLIT or mark.database != database:
        raise refused(f"the file is not the {database} file of a split pair", path)
    if mark.forming or mark.restoring is not None:
        raise refused("the file was copied while the pair was being made or restored", path, hint="use another backup")
    if mark.pair_id != found.pair_id:
        raise refused(f"the file belongs to another pair than its manifest {found.path}", path)
    latest = max(migration.version for migration in load((database,)))
    version = version_of(facts)
    if version > latest:
        hint = "use a newer ragkernel"
        raise refused(f"the file is newer: schema version {version}, this code knows {latest}", path, hint=hint)
    return facts


def version_of(*facts: FileFacts) -> int:
    """The schema version of a backup; 0 before the first migration."""
    return max((entry.version for each in facts for entry in each.applied), default=0)


def restore_pair_in_place(backup: str, app: Database, events: Database, folder: str, *, timeout: float) -> Restored:
    """Replace the rows of an open pair by a backup's, each file as one transaction of the live file.

    First both present files are copied to `folder`, as app_meta_before_restore_… and events_before_restore_…; a restore
    that goes on with one that was cut short keeps that one's. events is replaced first: what is written in between by
    another process then leaves events ahead of app_meta and never behind it. timeout: seconds for the wait for locks.
    Raises BackupRefused, with both files as they were, or BackupFailed.
    """
    started = time.monotonic()
    found, facts = require_usable(backup)
    parts = ((found.app_path, app), (found.events_path, events))
    for (path, database), each in zip(parts, facts, strict=True):
        page_size = database.inspect().page_size
        if each.page_size != page_size:
            hint = "restore it to new files"
            raise refused(
                f"the backup has pages of {each.page_size} bytes, the database of {page_size}", path, hint=hint
            )
    moment = utc_now()
    mark = mark_of(app)
    if mark.restoring is None:
        kept = [made.path for made in copy_pair_aside(app, events, folder, "_before_restore")]
    else:
        kept = json.loads(mark.replaced or "[null, null]")
    begin_restore(app, found.path, found.pair_id, json.dumps(kept))
    _replace_both(found, app, events, timeout, resumed=mark.restoring is not None)
    for database in (app, events):  # the restored rows say when the backup itself was made, or nothing
        with database.write() as conn:
            queries.kernel_state.upsert(conn, key=BACKUP_LAST_RUN, value=sql_timestamp(moment))
    return _restored(started, app.path, events.path, kept, facts)


def _replace_both(found: Manifest, app: Database, events: Database, timeout: float, *, resumed: bool) -> None:
    """Copy both files of the backup over the live ones, with both write queues held. resumed: events may have been
    replaced already. Raises BackupFailed; where neither was replaced, app_meta's mark is gone again."""

    def replace(path: str, writer: FileWriter) -> None:
        connection = writer.connection()
        copy.copy_over(path, connection, timeout=timeout)
        done.append(path)
        if path == found.app_path:
            end_restored_runs(writer, timeout)
        with suppress(SqlError):  # the whole database stands in the WAL now, which is large, and no reason to fail
            writer.checkpointer.run(connection)

    def replace_app(writer: FileWriter) -> None:
        events.exclusively("restore", lambda second: replace(found.events_path, second))
        replace(found.app_path, writer)  # and with it the mark

    done: list[str] = []
    try:
        app.exclusively("restore", replace_app)
    except SqlError as error:
        if not done and not resumed:
            give_up_restore(app)
            raise
        if len(done) == len(NAMES):  # the runs of then could not be ended
            raise
        raise failed(
            f"only one of the two files is restored: {error.message}",
            app.path,
            hint=f"restore again, before anything is written: ragkernel restore {found.path}",
        ) from None


def restore_pair_beside(backup: str, app_path: str, events_path: str) -> Restored:
    """Copy a backup to two new files, verified and synced. Raises BackupRefused where the backup cannot be used,
    BackupFailed where a target exists or both are one; nothing stands under their names then."""
    for path in (app_path, events_path):
        if os.path.lexists(path):
            raise failed("the target exists", path, hint="name files that do not exist, or restore in place")
    return replace_pair(backup, app_path, events_path)


def replace_pair(backup: str, app_path: str, events_path: str) -> Restored:
    """Put a backup in the place of a pair that cannot be opened: one file, or both, is lost, empty or damaged, or the
    two are of different pairs.

    What is there is kept under another name, with its -wal and -shm, which would ruin the restored file. For files that
    no process has open. Killed in between, the next opening says so; run again, it completes. Raises BackupRefused,
    BackupFailed, LayoutMismatch for a file that is sound and not that half of a pair; what was there has its name again
    then.
    """
    started = time.monotonic()
    files.require_two(app_path, events_path, "restore")
    found, facts = require_usable(backup)
    targets = (os.path.realpath(app_path), os.path.realpath(events_path))
    for path, database in zip(targets, NAMES, strict=True):
        _require_replaceable(path, database)
    temporaries = [files.temporary_name(path) for path in targets]
    kept = [files.name_aside(path, "replaced") for path in targets]
    undo: list[tuple[str, str | None]] = []
    try:
        for source, temporary in zip((found.app_path, found.events_path), temporaries, strict=True):
            copy.copy_file(source, temporary)
            require_sound(temporary)
        copy.note_restoring(temporaries[0], found.path)
        for path, temporary, aside in zip(targets, temporaries, kept, strict=True):
            _put(temporary, path, aside, undo)
        copy.note_restoring(targets[0], None)
        copy.make_durable(targets[0])
    except (OSError, SqlError) as error:
        for path, was in reversed(undo):
            if was is None:
                files.remove(path)
            elif os.path.exists(path) and os.path.samefile(was, path):  # between two names of one file rename is idle
                os.unlink(was)
            else:
                os.replace(was, path)
        told = error.message if isinstance(error, SqlError) else f"{error.strerror}: {error.filename}"
        raise failed(f"the pair cannot be replaced: {told}", targets[0]) from None
    finally:
        for temporary in temporaries:
            files.remove(temporary)
    replaced = [aside if os.path.lexists(aside) else None for aside in kept]
    return _restored(started, app_path, events_path, replaced, facts)


def _put(temporary: str, path: str, aside: str, undo: list[tuple[str, str | None]]) -> None:
    """Give a copy the name `path`; what has it now is called `aside` afterwards. There is no moment without a file of
    that name: two missing files would be taken for a new pair. undo: gets (path, aside), or None for a new file."""
    undo.extend(files.move_companions(path, aside))  # with what it has done, where it fails
    if not os.path.lexists(path):
        files.publish(temporary, path, number_it=False)
        undo.append((path, None))
        return
    os.link(path, aside)
    undo.append((path, aside))
    copy.make_durable(temporary)
    os.replace(temporary, path)
    copy.make_durable(path)


def _require_replaceable(path: str, database: str) -> None:
    """A lost file, a damaged one and one of a pair may be replaced; a sound store of another kind may not, nor a
    database that is not ragkernel's."""
    try:
        mark = look(path, 0.0)
    except NotADatabase:
        return
    if not mark.empty and (mark.layout, mark.database) != (SPLIT, database):
        raise LayoutMismatch(
            f"the file is not the {database} file of a split pair",
            operation="restore",
            path=path,
            hint="restore to other files: --to FILE --events-to FILE",
        )


def _restored(
    started: float, app_path: str, events_path: str, kept: list[str] | list[str | None], facts: tuple[FileFacts, ...]
) -> Restored:
    size = os.stat(app_path).st_size + os.stat(events_path).st_size
    seconds = time.monotonic() - started
    return Restored(app_path, kept[0], version_of(*facts), size, seconds, events_path, kept[1])
