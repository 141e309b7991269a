"""What files say of the store that they belong to, and whether that fits the configuration (single or split).

A file is looked at through SQLite before it is opened for work, so that a file which does not fit is neither created
nor switched to WAL mode. The marks stand in kernel_state: layout, pair id, which file of the pair it is, and in the
app_meta file of a pair whether its forming, or a restore, has been cut short between the two files.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.errors import ConfigurationError, DatabaseBusy, LayoutMismatch, PartnerMissing, RestoreInterrupted

from . import ledger, pragmas
from .connection import open_plain, opening_failed, refuse_foreign, require_file
from .lease import BEGIN_READ
from .migrate import APP_META, EVENTS
from .pragmas import APPLICATION_ID

if TYPE_CHECKING:
    from .connection import Connection

SINGLE = "single"
SPLIT = "split"


class Mark(NamedTuple):
    """What one file says of itself; all None for a file that is not there or that the kernel has not prepared yet.

    database: which file of a pair. restoring: the manifest of a restore that was cut short; restoring_pair: the id of
    the pair that it restores; replaced: the copy of what stood there before it. empty: no table stands in the file.
    """

    layout: str | None = None
    database: str | None = None
    pair_id: str | None = None
    forming: bool = False
    restoring: str | None = None
    restoring_pair: str | None = None
    replaced: str | None = None
    ours: bool = False
    empty: bool = False


def read(connection: Connection) -> Mark:
    """The mark of an open file, inside the transaction that is open."""
    return Mark(
        layout=ledger.state(connection, ledger.LAYOUT),
        database=ledger.state(connection, ledger.DATABASE),
        pair_id=ledger.state(connection, ledger.PAIR_ID),
        forming=ledger.state(connection, ledger.FORMING) is not None,
        restoring=ledger.state(connection, ledger.RESTORING),
        restoring_pair=ledger.state(connection, ledger.RESTORING_PAIR),
        replaced=ledger.state(connection, ledger.REPLACED),
        ours=pragmas.application_id(connection) == APPLICATION_ID,
        empty=ledger.holds_nothing(connection),
    )


def look(path: str, seconds: float) -> Mark:
    """The mark of a file, whether it is there or not; the file and its -wal are left as they are. seconds: how long to
    wait where it is locked. Raises ConnectionFailed, NotADatabase, ForeignApplication, DatabaseBusy."""
    path = os.path.realpath(path)
    if not os.path.lexists(path) and os.path.isdir(os.path.dirname(path)):
        return Mark(empty=True)
    require_file(path)
    deadline = time.monotonic() + seconds
    while True:
        # The last connection to a file, where it may write, copies the -wal back and removes it when it is closed. One
        # for reading makes both -wal and -shm where there is no -wal yet, one for writing neither.
        connection = open_plain(path, read_only=os.path.exists(path + "-wal"))
        try:
            refuse_foreign(connection, 0.0)
            connection.run_kernel(BEGIN_READ).close()
            return read(connection)
        except sqlite3.Error as error:
            failure = opening_failed(error, path)
        except DatabaseBusy as busy:
            failure = busy
        finally:
            connection.close()
        if not isinstance(failure, DatabaseBusy) or time.monotonic() >= deadline:
            raise failure
        time.sleep(random.uniform(0.001, 0.02))


def require_single(path: str, seconds: float) -> None:
    """Raise LayoutMismatch where the file, if there is one, belongs to a pair."""
    mark = look(path, seconds)
    if mark.layout == SPLIT:
        raise LayoutMismatch(
            "the file belongs to a split store"
            + (f" (it is its {mark.database} file)" if mark.database else "")
            + ", the configuration says single mode",
            operation="open",
            path=path,
            hint="name both files: SqlConfig.split(app, events), or --app-db FILE --events-db FILE on the command line",
        )


def require_pair(app_path: str, events_path: str, seconds: float, *, for_restore: bool = False) -> None:
    """Raise LayoutMismatch, ConfigurationError or RestoreInterrupted where the files, as far as they are there, are not
    one pair, or not in these places. for_restore: a restore that was cut short is no reason, if it was one of these
    two files: the events may have been replaced already."""
    _refuse_same_file(app_path, events_path)
    app, events = _look_at_both(app_path, events_path, seconds)
    if app.restoring is None:
        require_fitting(app_path, events_path, app, events)
    elif for_restore:
        replaced = events.pair_id is not None and events.pair_id == app.restoring_pair
        require_fitting(app_path, events_path, app._replace(pair_id=events.pair_id) if replaced else app, events)
    else:
        raise RestoreInterrupted(
            f"a restore was interrupted before it had reached both files, {app_path} and {events_path}",
            operation="open",
            path=app_path,
            hint=f"run it again: ragkernel restore {app.restoring}",
        )


def _look_at_both(app_path: str, events_path: str, seconds: float) -> tuple[Mark, Mark]:
    """The marks of both files at one moment, though another process may be forming the pair: app_meta says so first and
    last, so what events says is of the same moment where app_meta says the same before and after."""
    app = look(app_path, seconds)
    while True:
        events = look(events_path, seconds)
        before, app = app, look(app_path, seconds)
        if app == before:
            return app, events


def _refuse_same_file(app_path: str, events_path: str) -> None:
    try:
        same = os.path.samefile(app_path, events_path)
    except OSError:  # one of them is not there
        same = os.path.realpath(app_path) == os.path.realpath(events_path)
    if same:
        raise ConfigurationError(
            f"app_db_path and events_db_path, {app_path} and {events_path}, lead to the same file",
            operation="open",
            path=events_path,
            hint="give the event tables a file of their own, or leave events_db_path out for single mode",
        )


def require_fitting(app_path: str, events_path: str, app: Mark, events: Mark) -> None:
    """Raise LayoutMismatch where two marks are not those of one pair: a formed one, one that is being formed, or two
    new files."""
    for path, mark in ((app_path, app), (events_path, events)):
        if mark.layout == SINGLE:
            raise _mismatch(
                f"{path} is a store of its own in single mode, the configuration says split mode"
                f" ({app_path} and {events_path})",
                path,
                "leave events_db_path (--events-db) out for this store, or name other files for a pair",
            )
    if app.database == EVENTS or events.database == APP_META:
        swapped = app.database in (EVENTS, None) and events.database in (APP_META, None)
        what = "the two files are swapped" if swapped else "both are the same file of a pair"
        raise _mismatch(
            f"{what}: {app_path} holds {app.database or 'nothing'}, {events_path} holds {events.database or 'nothing'}",
            app_path,
            "name the app_meta file first (app_db_path, --app-db) and the events file second"
            " (events_db_path, --events-db)",
        )
    if app.layout is None and events.layout is not None:
        raise _partner_missing(app_path, APP_META, events_path)
    if events.layout is None and app.layout is not None and not app.forming:
        raise _partner_missing(events_path, EVENTS, app_path)
    if app.layout is not None and events.layout is not None and app.pair_id != events.pair_id:
        raise _mismatch(
            f"{app_path} and {events_path} belong to two different pairs",
            events_path,
            "name the two files that were made together, or restore a backup of the pair: ragkernel restore MANIFEST",
        )


def _partner_missing(path: str, database: str, other: str) -> PartnerMissing:
    return PartnerMissing(
        f"{path}, the {database} file of the pair that {other} belongs to, is missing or empty",
        operation="open",
        path=path,
        hint="put the file back, or restore a backup of the pair: ragkernel restore MANIFEST",
    )


def _mismatch(message: str, path: str, hint: str) -> LayoutMismatch:
    return LayoutMismatch(message, operation="open", path=path, hint=hint)
