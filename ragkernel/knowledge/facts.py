"""Recording facts: an event and its effect on the rows, both or neither.

In single mode both stand in one transaction. In split mode no transaction spans the two files (a commit over two WAL
files is atomic for each of them alone, https://www.sqlite.org/lang_attach.html), so the event is committed first, and
the app database notes the position of the last event that it has applied, in the transaction that applies it. A kill
between the two commits leaves the log ahead, never the rows: whoever writes a fact next, or opens the pair, applies
what is missing. The write lock of the app database is held around both commits, so nobody takes one that is under way
for that.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ragkernel.errors import TransactionFailed
from ragkernel.events.store import NewEvent
from ragkernel.generated import queries

from .effects import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragkernel.connections import Writer
    from ragkernel.core.database import Database
    from ragkernel.events.store import EventStore

# The key of kernel_state, in the app database of a pair, that holds the position of the last event applied.
EVENTS_APPLIED = "events_applied"

# What the metadata of a fact's event says: the version of its form. An application's own event of that type has none.
_MARK = {"fact": 1}

_PAGE = 1000


class FactWriter:
    """A write transaction of the app database in which facts are recorded."""

    def __init__(self, conn: Writer, store: EventStore) -> None:
        self.conn = conn
        self.last_position: int | None = None
        self._store = store

    def record(self, aggregate: str, id: str, type: str, data: dict[str, Any]) -> None:
        """Append the event to the stream (aggregate, id), and apply its effect."""
        (event,) = self._store.append((aggregate, id), [NewEvent(type, data, metadata=_MARK)])
        EFFECTS[type](self.conn, id, data)
        self.last_position = event.id


class Facts:
    """The facts of one service. app, events: its databases, the same one in single mode. Safe from every thread."""

    def __init__(self, app: Database, events: Database, store: EventStore) -> None:
        self.app = app
        self._events = events
        self._store = store
        self._split = events is not app

    @contextmanager
    def write(self) -> Iterator[FactWriter]:
        """A transaction that records facts. In single mode it joins the calling thread's write scope.

        Blocks for the write queues. Raises TransactionFailed where, in split mode, the thread is inside a write scope:
        that could be rolled back after the events were committed.
        """
        if not self._split:
            with self.app.write() as conn:
                yield FactWriter(conn, self._store)
            return
        if self.app.inside_write or self._events.inside_write:
            raise TransactionFailed(
                "in split mode knowledge bases are changed in transactions of their own",
                operation="change knowledge base",
                path=self.app.path,
                hint="leave the `with service.write()` block first",
            )
        with self.app.write() as conn:
            self._apply_missing(conn)
            with self._events.write():
                writer = FactWriter(conn, self._store)
                yield writer
            if writer.last_position is not None:
                _note(conn, writer.last_position)

    def catch_up(self) -> int:
        """Apply the events that a kill left without their effect; how many they were. Writes only if there are any."""
        if not self._split:
            return 0
        with self.app.read(snapshot=False) as conn:
            applied = _applied(conn)
        with self._events.read(snapshot=False) as events:
            if not queries.events.facts_after(events, after=applied, limit=1):
                return 0
        with self.app.write() as conn:
            return self._apply_missing(conn)

    def _apply_missing(self, conn: Writer) -> int:
        count = 0
        applied = _applied(conn)
        with self._events.read() as events:
            while page := queries.events.facts_after(events, after=applied, limit=_PAGE):
                for event in page:
                    if event.metadata == _MARK and isinstance(event.event_data, dict):
                        EFFECTS[event.event_type](conn, event.aggregate_id, event.event_data)
                        count += 1
                applied = page[-1].id
                _note(conn, applied)
        return count


def _applied(conn: Any) -> int:
    state = queries.kernel_state.get(conn, key=EVENTS_APPLIED)
    return 0 if state is None else int(state.value)


def _note(conn: Writer, position: int) -> None:
    queries.kernel_state.upsert(conn, key=EVENTS_APPLIED, value=str(position))
