"""A lock that is handed over first come, first served.

threading.Lock lets whoever runs next take it, so a thread can starve; here the holder hands it to the longest waiter.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from .threads import ThreadToken, current, thread_name


class FairLock:
    """A lock with an order of arrival, an owner and a timed wait. Not re-entrant: ask `held_by_me` first.

    Safe against KeyboardInterrupt, which Python raises after a call and never between two assignments: whatever an
    interrupt cuts short, the lock is either not taken, or `owner` says that it is.
    """

    __slots__ = ("_held", "_ident", "_mutex", "_waiters", "owner", "since")

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiters: deque[threading.Lock] = deque()
        self._held = False
        self.owner: int | None = None  # the number of the holder's token
        self._ident = 0
        self.since = 0.0  # monotonic seconds at which the holder got it

    @property
    def held_by_me(self) -> bool:
        """Whether the calling thread holds it."""
        return self.owner == current().number

    @property
    def waiting(self) -> int:
        """How many threads wait for it."""
        return len(self._waiters)

    def acquire(self, timeout: float, token: ThreadToken | None = None) -> bool:
        """Wait for the lock for `timeout` seconds at most; False when it was not had in time. token: the thread's own.

        Blocks. An exception in the wait (KeyboardInterrupt) leaves the queue in order.
        """
        token = token or current()
        me, ident, now = token.number, token.ident, time.monotonic()
        turn: threading.Lock | None = None
        try:
            with self._mutex:
                if not self._held:
                    self._held = True
                    self.owner = me
                    self._ident = ident
                    self.since = now
                    return True
                turn = threading.Lock()
                turn.acquire()
                self._waiters.append(turn)
            if turn.acquire(timeout=timeout) or self._leave(turn):
                self.owner = me
                self._ident = ident
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
        if self.owner is None:
            return "nobody any more"
        return f"thread {thread_name(self._ident)!r} for {time.monotonic() - self.since:.1f} s"

    def _leave(self, turn: threading.Lock) -> bool:
        """Leave the queue; True when the lock was handed over in the meantime."""
        with self._mutex:
            if turn in self._waiters:
                self._waiters.remove(turn)
                return False
            return turn.acquire(blocking=False)
