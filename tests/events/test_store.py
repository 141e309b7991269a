"""Appending to streams and reading them: numbers without gaps, a chain that verifies, all or nothing."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import NewEvent, queries
from ragkernel.core import pragmas
from ragkernel.errors import ConfigurationError, UniqueViolation, ValueRefused
from ragkernel.events import chain

if TYPE_CHECKING:
    from pathlib import Path

STREAM = ("pipeline", "p-1")


def verify(service: ragkernel.SqlService, stream: tuple[str, str]) -> int:
    """Check the numbers, the digests and the chain of a stream from its stored texts; how many events it has."""
    previous, number = chain.FIRST, 0
    with service.read() as conn:
        rows = queries.events.read_stream_raw(conn, aggregate_type=stream[0], aggregate_id=stream[1], after=0, limit=-1)
    for row in rows:
        number += 1
        assert row.sequence_number == number
        assert row.payload_salt is not None
        assert row.payload_digest == chain.payload_digest(row.payload_salt, row.event_data, row.metadata)
        assert row.event_data == chain.canonical_json(json.loads(row.event_data))
        previous = chain.checksum(
            previous,
            event_id=row.event_id,
            event_type=row.event_type,
            aggregate_type=row.aggregate_type,
            aggregate_id=row.aggregate_id,
            sequence_number=row.sequence_number,
            timestamp=row.timestamp,
            trace_id=row.trace_id,
            user_id=row.user_id,
            digest=row.payload_digest,
        )
        assert row.checksum == previous
    return number


def test_events_come_back_as_they_were_appended(service: ragkernel.SqlService) -> None:
    """Type, data, metadata, trace and user are kept; numbers start at 1, positions grow, the time is now in UTC."""
    before = datetime.now(UTC)
    stored = service.events.append(
        STREAM,
        [
            NewEvent("renamed", {"z": 1, "name": "é", "n": 1e300}, metadata={"via": "test"}, trace_id="t", user_id="u"),
            NewEvent("renamed", [1, 2.0, None, "\u2028"], event_id="mine"),
        ],
    )
    assert [event.sequence_number for event in stored] == [1, 2]
    assert [event.id for event in stored] == [1, 2]
    first, second = service.events.read(STREAM)
    assert [first, second] == stored
    assert (first.event_type, first.event_data, first.metadata) == (
        "renamed",
        {"z": 1, "name": "é", "n": 1e300},
        {"via": "test"},
    )
    assert (first.trace_id, first.user_id, second.trace_id, second.metadata) == ("t", "u", None, None)
    assert second.event_id == "mine"
    assert before - timedelta(seconds=1) <= first.timestamp <= datetime.now(UTC)
    assert verify(service, STREAM) == 2


def test_streams_are_numbered_apart(service: ragkernel.SqlService) -> None:
    """Each (type, id) counts from 1 and has a chain of its own; reading pages by number."""
    for number in range(5):
        service.events.append(STREAM, [NewEvent("a", number)])
        service.events.append(("flow", "p-1"), [NewEvent("b", number), NewEvent("c", number)])
    assert verify(service, STREAM) == 5
    assert verify(service, ("flow", "p-1")) == 10
    assert [event.event_data for event in service.events.read(STREAM, after=2, limit=2)] == [2, 3]
    assert service.events.read(("flow", "none")) == []
    assert service.events.read(STREAM, limit=0) == []


def test_a_batch_is_all_or_nothing(service: ragkernel.SqlService) -> None:
    """A batch with an event_id that the log has leaves nothing, burns no position, and the next append works."""
    service.events.append(STREAM, [NewEvent("a", 1, event_id="one")])
    with pytest.raises(UniqueViolation):
        service.events.append(STREAM, [NewEvent("a", 2), NewEvent("a", 3, event_id="one")])
    assert verify(service, STREAM) == 1
    (event,) = service.events.append(STREAM, [NewEvent("a", 4)])
    assert (event.sequence_number, event.id) == (2, 2)
    assert service.events.append(STREAM, []) == []


def test_an_append_joins_the_transaction_around_it(service: ragkernel.SqlService) -> None:
    """Inside a write scope events and rows are committed together, or neither is."""
    with pytest.raises(KeyError), service.write() as conn:
        queries.settings.insert(conn, key="a", value="b")
        service.events.append(STREAM, [NewEvent("a", 1)])
        raise KeyError
    assert service.events.read(STREAM) == []
    with service.write() as conn:
        queries.settings.insert(conn, key="a", value="b")
        service.events.append(STREAM, [NewEvent("a", 1)])
    assert verify(service, STREAM) == 1


@pytest.mark.parametrize(
    "event",
    [
        NewEvent("a", None),
        NewEvent("a", float("nan")),
        NewEvent("a", {"x": (1, 2)}),
        NewEvent("a", {1: 2}),
        NewEvent("a", "lone \ud800"),
        NewEvent("a", object()),
        NewEvent("", 1),
        NewEvent("nul \0", 1),
        NewEvent("a", 1, metadata={"x": float("inf")}),
        NewEvent("a", 1, event_id="\ud800"),
        NewEvent("a", 1, user_id=5),  # type: ignore[arg-type]
        "no event",
    ],
    ids=lambda event: repr(event)[:40],
)
def test_what_cannot_be_stored_is_refused(service: ragkernel.SqlService, event: Any) -> None:
    """A value outside JSON, or outside what SQLite keeps exactly, is refused by table and column; nothing stays."""
    with pytest.raises(ValueRefused, match=r"^events\.\w+: "):
        service.events.append(STREAM, [NewEvent("fine", 1), event])
    assert service.events.read(STREAM) == []


@pytest.mark.parametrize("stream", [("", "x"), ("x", ""), ("x",), "xy", ("x", 1), None])
def test_a_stream_needs_two_texts(service: ragkernel.SqlService, stream: Any) -> None:
    """A stream that is no pair of texts that are not empty is refused."""
    with pytest.raises(ValueRefused, match="a stream is a pair"):
        service.events.append(stream, [NewEvent("a", 1)])
    with pytest.raises(ValueRefused, match="a stream is a pair"):
        service.events.read(stream)


def test_a_negative_limit_is_refused(service: ragkernel.SqlService) -> None:
    """SQLite takes a negative limit for none; here it is an error."""
    with pytest.raises(ConfigurationError, match="limit"):
        service.events.read(STREAM, limit=-1)


def test_threads_append_without_gaps(service: ragkernel.SqlService) -> None:
    """Eight threads appending to one stream give one chain without gaps, and batches do not interleave.

    thread k   barrier ─ append a batch of 3, twenty times ─┐
    all                                                      └─ 480 events, one chain
    """
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        barrier.wait(30)
        for round_ in range(20):
            service.events.append(STREAM, [NewEvent("a", [number, round_, part]) for part in range(3)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert verify(service, STREAM) == 480
    data: list[Any] = [event.event_data for event in service.events.read(STREAM)]
    assert all([entry[2] for entry in data[start : start + 3]] == [0, 1, 2] for start in range(0, 480, 3))


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    """A second opening continues numbers, positions and chain."""
    for _ in range(3):
        with ragkernel.open(tmp_path / "app_meta.db") as service:
            service.events.append(STREAM, [NewEvent("a", 1), NewEvent("b", 2)])
    with ragkernel.open(tmp_path / "app_meta.db") as service:
        assert verify(service, STREAM) == 6


def test_durable_events_raise_the_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With durable_events an append runs at FULL, alone and inside a transaction that began at NORMAL."""
    config = ragkernel.SqlConfig.test(tmp_path, durable_events=True)
    with ragkernel.open(config.app_db_path, config) as service:
        levels: list[str] = []
        real = pragmas.set_synchronous

        def watched(connection: Any, level: str) -> None:
            levels.append(level)
            real(connection, level)

        monkeypatch.setattr(pragmas, "set_synchronous", watched)
        service.events.append(STREAM, [NewEvent("a", 1)])
        assert levels == ["FULL", "NORMAL"]
        with service.write():
            service.events.append(STREAM, [NewEvent("a", 2)])
        assert levels == ["FULL", "NORMAL"] * 2
        assert verify(service, STREAM) == 2
