"""Two Databases that are one store: forming the pair, and migrating both files.

The order of the locks is app_meta, then events; a thread that holds the second may not ask for the first.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ragkernel.clock import new_id
from ragkernel.errors import TransactionFailed, translate

from . import layout, ledger
from .layout import SPLIT, Mark
from .migrate import APP_META, EVENTS, Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import TypeVar

    from ragkernel.connections import Writer

    from .connection import Connection
    from .database import Database

    T = TypeVar("T")


class AppWriteScope:
    """The write scope of app_meta in split mode: refused inside a write scope of events alone.

    Threads that take the two locks in different orders wait for each other until one of them times out.
    """

    __slots__ = ("_app", "_events", "_scope")

    def __init__(self, app: Database, events: Database, scope: AbstractContextManager[Writer]) -> None:
        self._app = app
        self._events = events
        self._scope = scope

    def __enter__(self) -> Writer:
        if self._events.inside_write and not self._app.inside_write:
            raise TransactionFailed(
                "write() is entered inside write_events(): the order of the locks is app_meta, then events",
                operation="write",
                path=self._app.path,
                hint="take app_meta first: enter `with service.write()` and, inside it, `with service.write_events()`",
            )
        return self._scope.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scope.__exit__(kind, error, trace)


def form(app: Database, events: Database) -> None:
    """Make two new files one pair, or finish what a kill has cut short; nothing where they are one.

    Three commits: app_meta gets the pair id and the mark "forming", events gets the same id, the mark goes. Each is
    synced, so that events never says more than app_meta, after a loss of power either. Raises LayoutMismatch.
    """
    mark = mark_of(app)
    if mark.layout is not None and not mark.forming and mark_of(events).layout is not None:
        layout.require_fitting(app.path, events.path, mark, mark_of(events))
        return

    def begin(connection: Connection) -> str:
        mark = layout.read(connection)
        layout.require_fitting(app.path, events.path, mark, mark_of(events))  # no other process forms it meanwhile
        if mark.layout is None:
            ledger.prepare(connection, SPLIT, new_id(), APP_META)
            ledger.put_state(connection, ledger.FORMING, "events")
        return ledger.state(connection, ledger.PAIR_ID) or ""

    pair_id = _change(app, begin)

    def follow(connection: Connection) -> None:
        mark = layout.read(connection)
        layout.require_fitting(app.path, events.path, Mark(SPLIT, APP_META, pair_id, forming=True), mark)
        if mark.layout is None:
            ledger.prepare(connection, SPLIT, pair_id, EVENTS)

    _change(events, follow)
    _change(app, lambda connection: ledger.drop_state(connection, ledger.FORMING))


def begin_restore(app: Database, manifest: str, pair_id: str, replaced: str) -> None:
    """Note, durably, that both files are about to be replaced by the backup of that manifest, of that pair. replaced:
    what says where the present rows are kept. The restored app_meta, which is copied last, holds no such note."""

    def note(connection: Connection) -> None:
        ledger.put_state(connection, ledger.RESTORING, manifest)
        ledger.put_state(connection, ledger.RESTORING_PAIR, pair_id)
        ledger.put_state(connection, ledger.REPLACED, replaced)

    _change(app, note)


def give_up_restore(app: Database) -> None:
    """Take that note back, where neither file was replaced."""

    def forget(connection: Connection) -> None:
        ledger.drop_state(connection, ledger.RESTORING)
        ledger.drop_state(connection, ledger.RESTORING_PAIR)
        ledger.drop_state(connection, ledger.REPLACED)

    _change(app, forget)


def mark_of(database: Database) -> Mark:
    """What an open file says of itself."""
    with database.read() as lease:
        try:
            return layout.read(lease.connection)
        except sqlite3.Error as error:
            failure = translate(error, operation="read layout", path=database.path)
    raise failure


def _change(database: Database, action: Callable[[Connection], T]) -> T:
    """Run core's own statements in one durable write transaction."""
    with database.write(durable=True) as lease:
        try:
            return action(lease.connection)
        except sqlite3.Error as error:
            failure = translate(error, operation="mark the pair", path=database.path)
        raise failure


def pending(app: Database, events: Database, target: int | None = None) -> list[Step]:
    """The steps of both files from their versions to `target`, in the order in which `migrate` takes them; reads only.

    The numbers of both sets are one sequence: each file goes as far as its set allows.
    """
    of_app, of_events = app.pending(target), events.pending(target)
    back = [step for step in (*of_events, *of_app) if step.direction == "down"]
    return back + [step for step in (*of_app, *of_events) if step.direction == "up"]


def migrate(
    app: Database, events: Database, target: int | None = None, *, dry_run: bool = False, timeout: float = 3600.0
) -> list[Step]:
    """Bring both files to a version, after forming the pair where it is new; the steps taken, or tried with dry_run.

    Forward app_meta goes first, backward events does. Both histories are judged before either file is changed; a step
    that fails leaves those before it, in either file. timeout: seconds for each step.
    """
    steps = pending(app, events, target)
    if not dry_run:
        form(app, events)
    order = (events, app) if any(step.direction == "down" for step in steps) else (app, events)
    return [step for database in order for step in database.migrate(target, dry_run=dry_run, timeout=timeout)]
