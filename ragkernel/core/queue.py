"""A lock that is handed over first come, first served.

threading.Lock lets whoever runs next take it, so a thread can starve; here the holder hands it to the longest waiter.
"""

from __future__ import annotations

import threading
import time
from collections import deque


class FairLock:
    """A lock with an order of arrival, an owner and a timed wait. Not re-entrant: ask `held_by_me` first.

    Safe against KeyboardInterrupt, which Python raises after a call and never between two assignments: whatever an
    interrupt cuts short, the lock is either not taken, or `owner` says that it is.
    """

    __slots__ = ("_held", "_mutex", "_waiters", "owner", "since")

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiters: deque[threading.Lock] = deque()
        self._held = False
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
        me, now = threading.get_ident(), time.monotonic()
        turn: threading.Lock | None = None
        try:
            with self._mutex:
                if not self._held:
                    self._held = True
                    self.owner = me
                    self.since = now
                    return True
                turn = threading.Lock()
                turn.acquire()
                self._waiters.append(turn)
            if turn.acquire(timeout=timeout) or self._leave(turn):
                self.owner = me
                self.since = time.monotonic()
                return True
            return False
        except BaseException:
            if turn is not None and self._leave(turn):
                self.owner = me
                self.release()
            raise

    def release(self) -> None:
        """Hand the lock to the longest waiter, or free it."""
        with self._mutex:
            if self._waiters:
                turn = self._waiters[0]
                del self._waiters[0]
                self.owner = None
                turn.release()
            else:
                self.owner = None
                self._held = False

    def holder(self) -> str:
        """Who holds it and for how long, for an error message."""
        owner = self.owner
        if owner is None:
            return "nobody any more"
        return f"thread {thread_name(owner)!r} for {time.monotonic() - self.since:.1f} s"

    def _leave(self, turn: threading.Lock) -> bool:
        """Leave the queue; True when the lock was handed over in the meantime."""
        with self._mutex:
            if turn in self._waiters:
                self._waiters.remove(turn)
                return False
            return turn.acquire(blocking=False)


def thread_name(ident: int) -> str:
    """The name of a living thread, for messages; its number where it has none."""
    for thread in threading.enumerate():
        if thread.ident == ident:
            return thread.name
    return str(ident)
