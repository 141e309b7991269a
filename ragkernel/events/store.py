"""Appending events to streams and reading them back.

A stream is (aggregate_type, aggregate_id); its events are numbered from 1 without gaps, and each carries a checksum
over the one before it (see `chain`). Events are never changed and never removed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkernel.clock import new_id, sql_timestamp, utc_now
from ragkernel.errors import ConfigurationError, ValueRefused
from ragkernel.generated import queries
from ragkernel.generated._values import json_text, text

from . import chain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragkernel.connections import Writer
    from ragkernel.core.database import Database
    from ragkernel.generated.models import Event

    Stream = tuple[str, str]


class NewEvent:
    """An event to append.

    type: its name, by which readers know its form. data: any JSON value but null. metadata: a JSON value about the
    event, or None. event_id: an identifier of the caller's own, unique in the whole log; a new one where None.
    trace_id, user_id: what it happened for, and who did it.
    """

    __slots__ = ("data", "event_id", "metadata", "trace_id", "type", "user_id")

    def __init__(
        self,
        type: str,
        data: Any,
        *,
        metadata: Any = None,
        event_id: str | None = None,
        trace_id: str | None = None,
        user_id: str | None = None,
    ) -> None:
        self.type = type
        self.data = data
        self.metadata = metadata
        self.event_id = event_id
        self.trace_id = trace_id
        self.user_id = user_id

    def __repr__(self) -> str:
        return f"NewEvent(type={self.type!r}, event_id={self.event_id!r})"


class EventStore:
    """The event log of a service: `service.events`. Safe from every thread."""

    def __init__(self, database: Database, *, durable: bool) -> None:
        self._database = database
        self._durable = durable

    def append(self, stream: Stream, events: Iterable[NewEvent]) -> list[Event]:
        """Append events to the end of a stream, all or none; the stored events, with their numbers and positions.

        stream: (aggregate_type, aggregate_id), both not empty. Joins the write transaction that the calling thread is
        in (in single mode), else makes one of its own. Blocks for the write queue. Raises ValueRefused for what cannot
        be stored, before anything is written, and UniqueViolation for an event_id that the log has.
        """
        aggregate_type, aggregate_id = _checked(stream)
        prepared = [(event, *_encoded(event)) for event in events]
        if not prepared:
            return []
        with self._database.write(durable=self._durable) as conn:
            head = queries.events.head(conn, aggregate_type=aggregate_type, aggregate_id=aggregate_id)
            sequence_number, previous = (head.sequence_number, head.checksum) if head else (0, chain.FIRST)
            stored = []
            for event, data, metadata in prepared:
                sequence_number += 1
                row = _append(conn, aggregate_type, aggregate_id, sequence_number, previous, event, data, metadata)
                previous = row.checksum
                stored.append(row)
            return stored

    def read(self, stream: Stream, *, after: int = 0, limit: int | None = None) -> list[Event]:
        """The events of a stream in order, those with a sequence_number above `after`, at most `limit` of them.

        Empty for a stream that nothing was appended to. Raises DecodeError for a row that another program damaged.
        """
        aggregate_type, aggregate_id = _checked(stream)
        if limit is not None and limit < 0:
            raise ConfigurationError("limit is negative", operation="read events", hint="give None for no limit")
        with self._database.read() as conn:
            return queries.events.read_stream(
                conn,
                aggregate_type=aggregate_type,
                aggregate_id=aggregate_id,
                after=after,
                limit=-1 if limit is None else limit,
            )


def _checked(stream: Any) -> Stream:
    parts = tuple(stream) if isinstance(stream, (tuple, list)) else ()
    if len(parts) != 2 or not all(isinstance(part, str) and part for part in parts):
        raise ValueRefused(
            "events",
            "aggregate_id",
            "a stream is a pair of texts that are not empty",
            hint="give (aggregate_type, aggregate_id)",
        )
    return text("events", "aggregate_type", parts[0]), text("events", "aggregate_id", parts[1])


def _encoded(event: Any) -> tuple[str, str | None]:
    """The canonical texts of data and metadata. Raises ValueRefused, before any transaction begins."""
    if not isinstance(event, NewEvent):
        raise ValueRefused("events", "event_data", f"a NewEvent is needed, not {type(event).__name__}")
    if not text("events", "event_type", event.type):
        raise ValueRefused("events", "event_type", "the type is empty")
    for column in ("event_id", "trace_id", "user_id"):
        if getattr(event, column) is not None:
            text("events", column, getattr(event, column))
    if event.data is None:
        raise ValueRefused("events", "event_data", "an event needs data", hint="give an empty object: {}")
    json_text("events", "event_data", event.data)
    if event.metadata is None:
        return chain.canonical_json(event.data), None
    json_text("events", "metadata", event.metadata)
    return chain.canonical_json(event.data), chain.canonical_json(event.metadata)


def _append(
    conn: Writer,
    aggregate_type: str,
    aggregate_id: str,
    sequence_number: int,
    previous: str,
    event: NewEvent,
    data: str,
    metadata: str | None,
) -> Event:
    event_id = new_id() if event.event_id is None else event.event_id
    timestamp = utc_now()
    salt = chain.new_salt()
    digest = chain.payload_digest(salt, data, metadata)
    row = queries.events.append(
        conn,
        event_id=event_id,
        event_type=event.type,
        aggregate_id=aggregate_id,
        aggregate_type=aggregate_type,
        sequence_number=sequence_number,
        event_data=data,
        metadata=metadata,
        trace_id=event.trace_id,
        user_id=event.user_id,
        timestamp=timestamp,
        payload_salt=salt,
        payload_digest=digest,
        checksum=chain.checksum(
            previous,
            event_id=event_id,
            event_type=event.type,
            aggregate_type=aggregate_type,
            aggregate_id=aggregate_id,
            sequence_number=sequence_number,
            timestamp=sql_timestamp(timestamp),
            trace_id=event.trace_id,
            user_id=event.user_id,
            digest=digest,
        ),
    )
    if row is None:
        raise ValueRefused("events", "event_id", "the event was not stored")
    return row
