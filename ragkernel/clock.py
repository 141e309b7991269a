"""Time and time-ordered identifiers.

Wall-clock time is for people: rows are ordered by sequence numbers, durations measured by the monotonic clock.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime

_lock = threading.Lock()
_last = 0  # the last id's 60 bits of time and sub-millisecond counter


def utc_now() -> datetime:
    """The present moment as an aware UTC datetime, microseconds included."""
    return datetime.now(UTC)


def sql_timestamp(moment: datetime) -> str:
    """`moment` (aware) as the kernel stores DATETIME: `YYYY-MM-DD HH:MM:SS[.ffffff]` in UTC.

    It sorts together with what SQLite's CURRENT_TIMESTAMP writes. Raises ValueError for a naive datetime.
    """
    if moment.utcoffset() is None:
        raise ValueError("a naive datetime has no place on the time line; give it a timezone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


def parse_timestamp(text: str) -> datetime:
    """The aware UTC datetime of a text that `sql_timestamp` or CURRENT_TIMESTAMP wrote. Raises ValueError otherwise."""
    # fromisoformat takes many more forms than the one that sorts.
    shape = text[4:5] + text[7:8] + text[10:11] + text[13:14] + text[16:17] + text[19:20]
    if shape not in ("-- ::", "-- ::.") or len(text) not in (19, 26):
        raise ValueError("not of the form YYYY-MM-DD HH:MM:SS[.ffffff]")
    return datetime.fromisoformat(text + "+00:00")


def new_id() -> str:
    """A new UUIDv7 as text: 48 bits of Unix milliseconds, 12 bits of sub-millisecond order, 62 random bits.

    Ids made by one process sort in the order in which they were made, also when the wall clock steps back, so inserts
    by id append to the index instead of scattering over it (RFC 9562, section 6.2, method 3). Safe from any thread.
    """
    global _last
    now = time.time_ns()
    stamp = now // 1_000_000 << 12 | (now % 1_000_000 << 12) // 1_000_000
    with _lock:
        _last = stamp = stamp if stamp > _last else _last + 1
    tail = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    number = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0x2 << 62 | tail
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
