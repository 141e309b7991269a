"""Recording facts: an event and its effect on the rows, both or neither.

In single mode both stand in one transaction. In split mode no transaction spans the two files (a commit over two WAL
files is atomic for each of them alone, https://www.sqlite.org/lang_attach.html), so the event is committed first, and
the app database notes the position of the last event that it has applied, in the transaction that applies it. A kill
between the two commits leaves the log ahead, never the rows: whoever writes a fact next, or opens the pair with
migrations (`ragkernel.open`), applies what is missing. The write lock of the app database is held around both commits,
so nobody takes one that is under way for that.

So at most the facts of one transaction can be missing. Each event says behind which position it was recorded; where
more is missing, or the app database has applied what the log does not have, one of the files is older than the other.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ragkernel.errors import ConstraintFailed, PairOutOfStep, TransactionFailed
from ragkernel.events.store import NewEvent
from ragkernel.generated import queries

from .effects import EFFECTS, holds_what_it_should

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragkernel.connections import Reader, Writer
    from ragkernel.core.database import Database
    from ragkernel.events.store import EventStore
    from ragkernel.generated.models import EventFactsAfter

# Keys of kernel_state, in the app database of a pair: the position of the last event applied, and of the last one that
# could not be, because rows of the application stand in its way.
EVENTS_APPLIED = "events_applied"
EVENTS_SKIPPED = "events_skipped"

# In the metadata of a fact's event: the version of its form, and in split mode the position behind which it was
# recorded. An application's own event of that type has none.
_FORM = "fact"
_BEHIND = "behind"
_FORM_NOW = 1

_PAGE = 1000


class FactWriter:
    """A write transaction of the app database in which facts are recorded."""

    def __init__(self, conn: Writer, store: EventStore, behind: int | None) -> None:
        self.conn = conn
        self.last_position: int | None = None
        self._store = store
        self._mark = {_FORM: _FORM_NOW} if behind is None else {_FORM: _FORM_NOW, _BEHIND: behind}

    def record(self, aggregate_type: str, aggregate_id: str, event_type: str, data: dict[str, Any]) -> None:
        """Append the event to the stream (aggregate_type, aggregate_id), and apply its effect."""
        (event,) = self._store.append((aggregate_type, aggregate_id), [NewEvent(event_type, data, metadata=self._mark)])
        EFFECTS[event_type](self.conn, aggregate_id, data)
        self.last_position = event.id


class Facts:
    """The facts of one service. app, events: its databases, the same one in single mode. Safe from every thread."""

    def __init__(self, app: Database, events: Database, store: EventStore) -> None:
        self.app = app
        self._events = events
        self._store = store
        self.split = events is not app

    def require_outside(self) -> None:
        """Raise TransactionFailed where, in split mode, the calling thread is inside a write scope of either file."""
        if self.split and (self.app.inside_write or self._events.inside_write):
            raise TransactionFailed(
                "in split mode knowledge bases are changed in transactions of their own",
                operation="change knowledge base",
                path=self.app.path,
                hint="leave the `with service.write()` block first",
            )

    @contextmanager
    def write(self) -> Iterator[FactWriter]:
        """A transaction that records facts. In single mode it joins the calling thread's write scope.

        Blocks for the write queues. Raises TransactionFailed where, in split mode, the thread is inside a write scope,
        which could be rolled back after the events were committed; PairOutOfStep.
        """
        if not self.split:
            with self.app.write() as conn:
                yield FactWriter(conn, self._store, None)
            return
        self.require_outside()
        with self.app.write() as conn:
            with self._events.write() as log:
                behind, _ = self._apply_missing(conn, log)
                writer = FactWriter(conn, self._store, behind)
                yield writer
            if writer.last_position is not None:
                _note(conn, EVENTS_APPLIED, writer.last_position)

    def catch_up(self) -> int:
        """Apply the events that a kill left without their effect; how many they were. Writes only if there may be some.

        Raises PairOutOfStep.
        """
        if not self.split:
            return 0
        self.require_outside()
        with self.app.read(snapshot=False) as rows, self._events.read(snapshot=False) as log:
            applied = _applied(rows)
            if applied <= _newest(log) and not queries.events.facts_after(log, after=applied, limit=1):
                return 0
        with self.app.write() as conn, self._events.write() as log:
            return self._apply_missing(conn, log)[1]

    def _apply_missing(self, conn: Writer, log: Reader) -> tuple[int, int]:
        """The position of the last event that is applied then, and how many were applied now.

        log: the writer connection of the events, because a reader may be inside an older snapshot of its thread.
        """
        applied = self._require_in_step(conn, log)
        last, count = applied, 0
        while page := queries.events.facts_after(log, after=last, limit=_PAGE):
            for event in page:
                count += self._apply(conn, event, applied)
            last = page[-1].id
            _note(conn, EVENTS_APPLIED, last)
        return last, count

    def _apply(self, conn: Writer, event: EventFactsAfter, applied: int) -> bool:
        mark, data = event.metadata, event.event_data
        if not isinstance(mark, dict) or mark.get(_FORM) != _FORM_NOW or not isinstance(data, dict):
            return False
        if mark.get(_BEHIND) != applied or not holds_what_it_should(conn, event.event_type, event.aggregate_id, data):
            raise self._out_of_step("app_meta", "events", self.app.path)
        try:
            with conn.savepoint():
                EFFECTS[event.event_type](conn, event.aggregate_id, data)
        except ConstraintFailed:
            _note(conn, EVENTS_SKIPPED, event.id)
        return True

    def _require_in_step(self, conn: Writer, log: Reader) -> int:
        """The position up to which the events are applied. Raises PairOutOfStep where the log does not reach so far."""
        applied, newest = _applied(conn), _newest(log)
        if applied <= newest:
            return applied
        if queries.knowledge_bases.count(conn) or queries.pipeline_runs.count(conn):
            raise self._out_of_step("events", "app_meta", self._events.path)
        _note(conn, EVENTS_APPLIED, newest)  # both files were migrated back to nothing, and begin anew
        return newest

    def _out_of_step(self, older: str, newer: str, path: str) -> PairOutOfStep:
        return PairOutOfStep(
            f"the {older} file of the pair is older than its {newer} file: they are not of one moment",
            operation="apply events",
            path=path,
            hint="put back the file that belongs to the other one, or restore both: ragkernel restore MANIFEST",
        )


def _applied(conn: Reader) -> int:
    state = queries.kernel_state.get(conn, key=EVENTS_APPLIED)
    return 0 if state is None else int(state.value)


def _newest(log: Reader) -> int:
    return queries.events.newest_position(log) or 0


def _note(conn: Writer, key: str, position: int) -> None:
    queries.kernel_state.upsert(conn, key=key, value=str(position))
