"""The backup of a pair: two copies of one moment, and a manifest that says so."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ragkernel.clock import sql_timestamp, utc_now
from ragkernel.core import copy
from ragkernel.core.ledger import BACKUP_LAST_RUN
from ragkernel.core.migrate import APP_META, EVENTS
from ragkernel.errors import SqlError
from ragkernel.generated import queries

from . import files, manifest
from .backup import DAMAGE, Backup, NoSoundCopy, copy_unverified, failed, require_sound

if TYPE_CHECKING:
    from datetime import datetime

    from ragkernel.core.copy import FileFacts, Progress
    from ragkernel.core.database import Database

NAMES = (APP_META, EVENTS)


def backup_pair(
    app: Database,
    events: Database,
    folder: str,
    *,
    purpose: str = "",
    progress: Progress | None = None,
    timeout: float | None = None,
) -> list[Backup]:
    """Copy both files as they are at one moment to `folder`, verified and synced; the two backups, app_meta first.

    They are called app_meta`purpose`_YYYYmmdd_HHMMSS.db and events…, the manifest pair….json with the same stamp; it is
    written last, and without it there is no backup. Writers wait while the moment is taken, and go on during the copy.
    progress(pages copied, pages in all) counts both files. timeout: seconds for each. Raises BackupFailed or another
    SqlError; nothing stands under a final name then.
    """
    started = time.monotonic()
    if app.inspect().schema_version == 0 == events.inspect().schema_version:
        told = "the databases hold no schema of ragkernel yet"
        raise NoSoundCopy(told, operation="backup", path=app.path, hint="run the migrations first")
    moment = utc_now()
    temporaries = [files.temporary_name(os.path.join(folder, f"{name}{purpose}.db")) for name in NAMES]
    try:
        files.make_folder(folder)
        files.remove_leftovers(folder)
        with copy.pinned_pair(app, events) as sources:
            pages = [copy.pages_of(source) for source in sources]
            for source, temporary, before in zip(sources, temporaries, (0, pages[0]), strict=True):
                watch = _counting(progress, before, sum(pages))
                copy.copy_snapshot(source, temporary, progress=watch, timeout=timeout)
        facts = [require_sound(temporary) for temporary in temporaries]
        if facts[0].mark.restoring is not None:
            told = "only one of the two files is restored yet"
            raise failed(told, app.path, hint=f"restore again: ragkernel restore {facts[0].mark.restoring}")
        paths = _publish(temporaries, facts, folder, f"{purpose}_{moment:%Y%m%d_%H%M%S}", moment)
    except OSError as error:
        raise failed(f"cannot write the backup: {error.strerror}", folder) from None
    finally:
        for temporary in temporaries:
            files.remove(temporary)
    # The backup stands: where this cannot be noted, health goes on telling the older time.
    for database in (app, events):
        with suppress(SqlError), database.write() as conn:
            queries.kernel_state.upsert(conn, key=BACKUP_LAST_RUN, value=sql_timestamp(moment))
    seconds = time.monotonic() - started
    return [
        Backup(name, path, moment, os.stat(path).st_size, seconds, paths[2])
        for name, path in zip(NAMES, paths[:2], strict=True)
    ]


def _counting(progress: Progress | None, before: int, total: int) -> Progress | None:
    """The progress of one copy as that of all: `before` pages are done, `total` are to be copied."""
    return None if progress is None else lambda done, _: progress(before + done, total)


def _publish(temporaries: list[str], facts: list[FileFacts], folder: str, rest: str, moment: datetime) -> list[str]:
    """Give both copies and their manifest the same free name; the three paths. Nothing stands there on an error."""
    number = 1
    while True:
        label = rest if number == 1 else f"{rest}_{number}"
        paths = [os.path.join(folder, name) for name in (*_files(label), manifest.manifest_name(label))]
        number += 1
        if any(os.path.lexists(path) for path in paths):
            continue
        named: list[tuple[str, str]] = []
        try:
            parts = [
                manifest.describe(temporary, name) for temporary, name in zip(temporaries, _files(label), strict=True)
            ]
            for temporary, path in zip(temporaries, paths[:2], strict=True):
                files.publish(temporary, path, number_it=False)
                named.append((temporary, path))
            manifest.write(
                paths[2],
                (parts[0], parts[1]),
                pair_id=facts[0].mark.pair_id or "",
                event_position=facts[1].event_position,
                schema_version=max((entry.version for each in facts for entry in each.applied), default=0),
                created_at=moment,
            )
            return paths
        except FileExistsError:  # another process took a name meanwhile
            for temporary, path in named:
                os.rename(path, temporary)
        except BaseException:
            for _, path in named:
                files.remove(path)
            raise


def _files(label: str) -> list[str]:
    return [f"{name}{label}.db" for name in NAMES]


def copy_pair_aside(app: Database, events: Database, folder: str, purpose: str) -> list[Backup]:
    """Keep both files before their rows are replaced: as a backup of the pair, or, where they are damaged, page by page
    and unverified as app_meta`purpose`_…_damaged.db and events….

    Raises BackupFailed where not even that can be done, and what prevents a backup of sound files: a lock, a full disk.
    """
    try:
        return backup_pair(app, events, folder, purpose=purpose)
    except DAMAGE as error:
        first: SqlError = error
    pairs = zip(NAMES, (app, events), strict=True)
    return [copy_unverified(database, f"{name}{purpose}", folder, first) for name, database in pairs]
