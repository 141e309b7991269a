"""The readers of a file: bounded, one to a thread, taken over when the pool is full.

A connection is *leased* inside a scope only. Outside it stays *reserved* for its thread, so that the thread gets it
again with its statement cache warm; but a reserved connection that nobody leases may be taken over by another thread,
least recently used first. When a thread ends its reservation ends with it (hazard 15).
"""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any

from ragkernel.errors import PoolTimeout, ServiceClosed, SqlError, translate

from .connection import Connection, open_connection
from .lease import BEGIN_READ, PIN_SNAPSHOT, ROLLBACK, ReadConnection
from .pragmas import READER, Capped, Settings
from .threads import thread_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class _Token:
    """Stands for a living thread: the thread's local storage holds the only strong reference to it."""

    __slots__ = ("__weakref__", "slot")

    def __init__(self) -> None:
        self.slot: Slot | None = None


class Slot:
    """One connection of the pool. `lock` is held while it is leased; all other fields belong to the lock's holder.

    An RLock, because it knows its owner: what an interrupt (KeyboardInterrupt) left half taken is found and given back.
    """

    __slots__ = ("connection", "depth", "lease", "lock", "owner", "since", "snapshots", "thread", "used")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.connection: Connection | None = None
        self.owner: weakref.ref[_Token] | None = None  # the thread for which it is reserved
        self.thread = 0
        self.lease: ReadConnection | None = None
        self.depth = 0  # scopes that the thread has open on it
        self.snapshots = 0  # how many of them asked for a snapshot
        self.since = 0.0
        self.used = 0  # order of last use, for taking over


class Pool:
    """Readers of one file for one service: at most `size`, each had within `timeout` seconds or PoolTimeout."""

    def __init__(
        self, path: str, settings: Settings, size: int, timeout: float, require_same_file: Callable[[], None]
    ) -> None:
        self._path = path
        self._require_same_file = require_same_file
        self._settings = settings
        self._size = size
        self._timeout = timeout
        self._mutex = threading.Lock()
        self._slots: list[Slot] = []
        self._waiters: deque[threading.Lock] = deque()
        self._local = threading.local()
        self._clock = itertools.count(1)
        self._closed = False
        self.capped: list[Capped] = []
        self.timeouts = 0
        self.leaked_cursors = 0

    @property
    def size(self) -> int:
        """How many connections the pool may open."""
        return self._size

    @property
    def open(self) -> int:
        """How many connections are open."""
        return sum(slot.connection is not None for slot in self._slots)

    @property
    def active(self) -> int:
        """How many connections are leased at this moment."""
        return sum(slot.lease is not None for slot in self._slots)

    @property
    def waiting(self) -> int:
        """How many threads wait for a connection."""
        return len(self._waiters)

    def holders(self) -> list[tuple[str, float, str]]:
        """(thread name, seconds, text of its latest statement without values) of every lease, the oldest first."""
        now = time.monotonic()
        found = []
        for slot in self._slots:
            lease = slot.lease
            if lease is not None:
                found.append((thread_name(slot.thread), now - slot.since, " ".join(lease.statement.split())[:120]))
        return sorted(found, key=lambda holder: -holder[1])

    def mine(self) -> Slot | None:
        """The slot that the calling thread has leased at this moment."""
        token: _Token | None = getattr(self._local, "token", None)
        slot = token.slot if token is not None else None
        return slot if slot is not None and slot.depth and slot.owner is not None and slot.owner() is token else None

    @property
    def snapshot_is_mine(self) -> bool:
        """Whether the calling thread itself is inside a scope with a snapshot."""
        slot = self.mine()
        return slot is not None and slot.snapshots > 0

    def take(self) -> Slot:
        """Lease a connection for the calling thread; blocks for the pool's timeout at most.

        Raises PoolTimeout with the holders' names, ServiceClosed, or what opening a connection raises. Whatever it
        raises, `reclaim` then gives back what the thread had taken.
        """
        token: _Token | None = getattr(self._local, "token", None)
        if token is None:
            token = self._local.token = _Token()
        slot = token.slot
        # Past those who wait, even for the own connection, nobody goes.
        if slot is not None and not self._waiters and slot.lock.acquire(blocking=False):
            if slot.owner is not None and slot.owner() is token and slot.connection is not None and not self._closed:
                return self._lease(slot, token)
            slot.lock.release()
        return self._lease(self._find(), token)

    def _lease(self, slot: Slot, token: _Token) -> Slot:
        connection = slot.connection
        try:
            self._require_open()
            if connection is None:
                self._require_same_file()
                connection, self.capped = open_connection(self._path, READER, self._settings)
                slot.connection = connection
        except BaseException:
            self._give(slot)
            raise
        if slot.owner is None or slot.owner() is not token:
            slot.owner = weakref.ref(token, self._thread_ended)
            slot.thread = get_ident()
        token.slot = slot
        slot.since = time.monotonic()
        slot.lease = ReadConnection(connection)
        return slot

    def _require_open(self) -> None:
        if self._closed:
            raise ServiceClosed("the service is closed", operation="lease reader", path=self._path)

    def _find(self) -> Slot:
        """A slot, locked: a free one, a new one, the least recently used reserved one, or the first one given back.

        Threads that wait are served in order of arrival: only the first of them looks, and whoever comes later joins.
        """
        slot = None if self._waiters else self._try()
        if slot is not None:
            return slot
        deadline = time.monotonic() + self._timeout
        turn = threading.Lock()
        turn.acquire()
        self._waiters.append(turn)
        try:
            while True:
                # Asked again after joining: whoever gives one back looks for waiters after unlocking it.
                if self._waiters[0] is turn:
                    slot = self._try()
                    if slot is not None:
                        return slot
                if not turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
                    raise self._timed_out()
        finally:
            self._waiters.remove(turn)
            self._wake()

    def _try(self) -> Slot | None:
        self._require_open()
        with self._mutex:
            reserved = []
            for slot in self._slots:
                if slot.owner is not None and slot.owner() is not None:
                    reserved.append(slot)
                elif slot.lock.acquire(blocking=False):
                    return slot
            if len(self._slots) < self._size:
                slot = Slot()
                slot.lock.acquire()
                self._slots.append(slot)
                return slot
            for slot in sorted(reserved, key=lambda slot: slot.used):
                if slot.lock.acquire(blocking=False):
                    return slot
        return None

    def _wake(self) -> None:
        """Let the thread that has waited longest look; it stays in the queue until it has a slot or gives up."""
        with suppress(IndexError, RuntimeError):  # nobody waits, or it was told already
            self._waiters[0].release()

    def reclaim(self) -> None:
        """Give back what the calling thread has taken without a scope being open on it, after an interrupt."""
        for slot in tuple(self._slots):
            while slot.depth == 0 and _is_owned(slot.lock):
                self.give(slot)

    def give(self, slot: Slot) -> None:
        """Give a leased connection back: its open cursors are closed, an open transaction is ended."""
        lease, slot.lease = slot.lease, None
        slot.depth = slot.snapshots = 0
        connection = slot.connection
        if lease is not None:
            self.leaked_cursors += lease.end()
        if connection is not None and connection.in_transaction:
            try:
                connection.run_kernel(ROLLBACK)
            except sqlite3.Error:
                slot.connection = None
                connection.close()
        self._give(slot)

    def _give(self, slot: Slot) -> None:
        slot.used = next(self._clock)
        if self._closed and slot.connection is not None:
            connection, slot.connection = slot.connection, None
            connection.close()
        slot.lock.release()
        if self._waiters:
            self._wake()

    def _thread_ended(self, owner: weakref.ref[_Token]) -> None:
        """A thread ended. Runs wherever its last reference was dropped, so it takes no lock that may be held there."""
        for slot in tuple(self._slots):
            if slot.owner is not owner:
                continue
            if slot.lease is not None and _is_owned(slot.lock):  # it died inside a scope that it never left
                slot.owner = None
                self.give(slot)
            elif slot.lock.acquire(blocking=False):
                if slot.owner is owner:  # else another thread has taken it over
                    slot.owner = None
                slot.lock.release()
        self._wake()

    def _timed_out(self) -> PoolTimeout:
        self.timeouts += 1
        return PoolTimeout(
            f"no reader became free within {self._timeout:g} s; all {self._size} are held: {self._held()}",
            operation="lease reader",
            path=self._path,
            hint="leave read scopes sooner, or raise the pool size",
        )

    def _held(self) -> str:
        """The holders, for a message."""
        return "; ".join(
            f"thread {name!r} for {age:.1f} s" + (f" in {statement!r}" if statement else "")
            for name, age, statement in self.holders()
        )

    def close(self, timeout: float) -> None:
        """Refuse new leases, close every connection, wait up to `timeout` seconds for those still leased.

        Raises PoolTimeout where a lease outlives the wait: its statement is interrupted, and its connection closed when
        its scope ends. Everything else is closed then.
        """
        self._closed = True
        self._wake()  # who is refused wakes the next
        deadline = time.monotonic() + timeout
        held = ""
        for slot in tuple(self._slots):
            if slot.lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                connection, slot.connection = slot.connection, None
                if connection is not None:
                    connection.close()
                slot.lock.release()
            else:
                held = held or self._held()  # before an interrupt ends the first of them
                connection = slot.connection
                if connection is not None:
                    connection.interrupt()
        if held:
            raise PoolTimeout(
                f"read scopes are still open after {timeout:g} s, and their statements are interrupted: {held}",
                operation="close",
                path=self._path,
                hint="let readers end before closing the service",
            )


def _is_owned(lock: Any) -> bool:
    """Whether the calling thread holds the RLock; the question that threading.Condition asks of it."""
    return bool(lock._is_owned())


class ReadScope:
    """`with database.read() as conn:`: a Reader of the calling thread, on one snapshot when `snapshot` is set.

    Re-entrant: a scope inside a scope of the same thread is the same connection, and the same snapshot if the outer one
    has one. The snapshot is taken on entry: BEGIN alone pins nothing, one read of sqlite_schema does.
    """

    __slots__ = ("_lease", "_pool", "_slot", "_snapshot")

    def __init__(self, pool: Pool, *, snapshot: bool) -> None:
        self._pool = pool
        self._snapshot = snapshot
        self._slot: Slot | None = None
        self._lease: ReadConnection | None = None

    def __enter__(self) -> ReadConnection:
        try:
            return self._enter()
        except BaseException:
            if self._slot is not None:
                self.__exit__(None, None, None)
            self._pool.reclaim()
            raise

    def _enter(self) -> ReadConnection:
        slot = self._pool.mine() or self._pool.take()
        lease = self._lease = slot.lease
        slot.depth += 1
        slot.snapshots += self._snapshot
        self._slot = slot
        connection = slot.connection
        if lease is None or connection is None:
            raise ServiceClosed("the service was closed inside this scope", operation="read", path=self._pool._path)
        if self._snapshot and not connection.in_transaction:
            try:
                connection.run_kernel(BEGIN_READ)
                connection.execute(PIN_SNAPSHOT).fetchone()
                return lease
            except sqlite3.Error as error:
                failure = translate(error, operation="read", path=self._pool._path)
            raise failure
        return lease

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        slot, self._slot = self._slot, None
        if slot is None or slot.lease is not self._lease:
            return  # the thread that entered has ended, and the reader is another one's by now
        slot.depth -= 1
        slot.snapshots -= self._snapshot
        if slot.depth == 0:
            self._pool.give(slot)
        elif slot.snapshots == 0 and slot.connection is not None and slot.connection.in_transaction:
            self._end_snapshot(slot.connection)

    def __del__(self) -> None:
        """A scope that nobody will leave, because an interrupt hit the first instruction of __exit__. Without this the
        thread's next scope would be an inner one of it, on its old snapshot."""
        slot = getattr(self, "_slot", None)  # an interrupt may have cut __init__ short
        if slot is not None and slot.thread == get_ident():
            self.__exit__(None, None, None)

    def _end_snapshot(self, connection: Connection) -> None:
        """The last snapshot ends while a scope without one goes on reading."""
        failure: SqlError | None = None
        try:
            connection.run_kernel(ROLLBACK)
        except sqlite3.Error as error:
            failure = translate(error, operation="read", path=self._pool._path)
        if failure is not None:
            raise failure
