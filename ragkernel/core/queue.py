"""A lock that is handed over first come, first served.

threading.Lock lets whoever runs next take it, so a thread can starve; here the holder hands it to the longest waiter.
"""

from __future__ import annotations

import threading
import time
from collections import deque


class FairLock:
    """A lock with an order of arrival, an owner and a timed wait. Not re-entrant: ask `held_by_me` first."""

    __slots__ = ("_gate", "_mutex", "_waiters", "owner", "since")

    def __init__(self) -> None:
        self._gate = threading.Lock()  # held by whoever has the FairLock, and over each hand-over
        self._mutex = threading.Lock()  # guards the queue
        self._waiters: deque[threading.Lock] = deque()
        self.owner: int | None = None  # the holder's thread id
        self.since = 0.0  # monotonic seconds at which the holder got it

    @property
    def held_by_me(self) -> bool:
        """Whether the calling thread holds it."""
        return self.owner == threading.get_ident()

    @property
    def waiting(self) -> int:
        """How many threads wait for it."""
        return len(self._waiters)

    def acquire(self, timeout: float) -> bool:
        """Wait for the lock for `timeout` seconds at most; False when it was not had in time.

        Blocks. An exception in the wait (KeyboardInterrupt) leaves the queue in order.
        """
        # The gate is free only while nobody waits, so taking it here overtakes nobody.
        if self._gate.acquire(False):
            self.owner = threading.get_ident()
            self.since = time.monotonic()
            return True
        with self._mutex:
            if self._gate.acquire(False):
                self._own()
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiters.append(turn)
        try:
            got = turn.acquire(timeout=timeout)
        except BaseException:
            if not self._leave(turn):
                self._own()
                self.release()
            raise
        if not got and self._leave(turn):
            return False
        self._own()
        return True

    def release(self) -> None:
        """Hand the lock to the longest waiter, or free it."""
        self.owner = None
        with self._mutex:
            if self._waiters:
                self._waiters.popleft().release()
            else:
                self._gate.release()

    def holder(self) -> str:
        """Who holds it and for how long, for an error message."""
        owner = self.owner
        if owner is None:
            return "nobody any more"
        return f"thread {thread_name(owner)!r} for {time.monotonic() - self.since:.1f} s"

    def _leave(self, turn: threading.Lock) -> bool:
        """Leave the queue; False when the lock was handed over in the meantime."""
        with self._mutex:
            try:
                self._waiters.remove(turn)
            except ValueError:
                return False
            return True

    def _own(self) -> None:
        self.owner = threading.get_ident()
        self.since = time.monotonic()


def thread_name(ident: int) -> str:
    """The name of a living thread, for messages; its number where it has none."""
    for thread in threading.enumerate():
        if thread.ident == ident:
            return thread.name
    return str(ident)
