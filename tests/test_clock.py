"""Time as text, and identifiers that sort in the order in which they were made."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkernel.clock import new_id, parse_timestamp, sql_timestamp, utc_now

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# Two days off either end of the calendar, so that the conversion to UTC stays inside it.
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=offsets)


def test_now_is_aware_and_utc() -> None:
    """The present moment carries its time zone, which is UTC."""
    before = datetime.now(UTC)
    now = utc_now()
    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)


@given(moments)
def test_a_timestamp_comes_back_exactly(moment: datetime) -> None:
    """Writing and reading gives the same moment, microseconds included, in UTC, in the one documented form."""
    text = sql_timestamp(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?", text)
    assert parse_timestamp(text) == moment
    assert parse_timestamp(text).utcoffset() == timedelta(0)


@given(moments, moments)
def test_timestamps_sort_as_text_like_the_moments_they_stand_for(one: datetime, other: datetime) -> None:
    """Comparing the texts is comparing the moments: an index over them is in order of time."""
    assert (sql_timestamp(one) < sql_timestamp(other)) == (one < other)


def test_sqlite_s_own_timestamp_is_read() -> None:
    """What CURRENT_TIMESTAMP writes is of the same form, to the second."""
    with closing(sqlite3.connect(":memory:")) as conn:
        (text,) = conn.execute("SELECT CURRENT_TIMESTAMP").fetchone()
    assert sql_timestamp(parse_timestamp(text)) == text
    assert abs(parse_timestamp(text) - utc_now()) < timedelta(minutes=1)


def test_a_naive_datetime_is_refused() -> None:
    """A datetime without a time zone names no moment."""
    with pytest.raises(ValueError, match="naive"):
        sql_timestamp(datetime(2026, 1, 2))


@pytest.mark.parametrize(
    "text", ["", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 03:04", "2026-13-02 03:04:05", "2026-01-02 03:04:05Z"]
)
def test_another_form_is_refused(text: str) -> None:
    """Only what the kernel or CURRENT_TIMESTAMP writes is read."""
    with pytest.raises(ValueError, match=r"."):
        parse_timestamp(text)


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front() -> None:
    """Layout of RFC 9562: 48 bits of Unix milliseconds, version 7, variant 10, in lower-case canonical text."""
    before = time.time_ns() // 1_000_000
    text = new_id()
    after = time.time_ns() // 1_000_000
    parsed = uuid.UUID(text)
    assert str(parsed) == text
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122
    # The counter may run ahead of the clock by a few milliseconds when ids are made faster than its resolution.
    assert before <= parsed.int >> 80 <= after + 1000


def test_ids_sort_in_the_order_they_were_made() -> None:
    """Text order is order of making, also within one millisecond."""
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_keep_their_order_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """An id made after the wall clock was set back still sorts behind the ones before."""
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    made = [first, *(new_id() for _ in range(100))]
    assert made == sorted(made)


def test_ids_of_many_threads_are_different_and_in_order() -> None:
    """Threads that start together make no id twice, and each thread's own ids are in order."""
    barrier = threading.Barrier(8)
    made: list[list[str]] = [[] for _ in range(8)]

    def make(mine: list[str]) -> None:
        barrier.wait()
        mine.extend(new_id() for _ in range(2000))

    threads = [threading.Thread(target=make, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == sorted(mine) and len(mine) == 2000 for mine in made)
    stamps = [identifier[:18] for mine in made for identifier in mine]  # time and counter, without the random bits
    assert len(set(stamps)) == 16_000
