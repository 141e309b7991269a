"""The writer of a file: one connection, one queue, one transaction at a time.

Every write transaction is BEGIN IMMEDIATE (a deferred one that reads first fails with BUSY_SNAPSHOT whatever the
timeout, hazard 4). Threads wait in order of arrival; for the lock of another process the writer waits in a loop of its
own, with jitter, because SQLite's busy handler is unfair and cannot be interrupted (hazard 12).
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ragkernel.errors import (
    FileReplaced,
    OutcomeUnknown,
    ServiceClosed,
    SqlError,
    TransactionFailed,
    WriterTimeout,
    translate,
)

from . import pragmas
from .checkpoint import Checkpointer
from .connection import Connection, open_connection
from .lease import BEGIN_IMMEDIATE, COMMIT, ROLLBACK, Savepoint, WriteConnection
from .pragmas import WRITER, Capped, Settings
from .queue import FairLock
from .threads import current

if TYPE_CHECKING:
    from types import TracebackType

# How long commits may go on unnoticed into a file that somebody deleted.
_LOOK_SECONDS = 1.0

_WAITS = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class FileWriter:
    """The write queue, the writer connection and the checkpointer of one file, shared by all its users in the process.

    All methods but `queue` belong to the thread that holds the queue.
    """

    __slots__ = (
        *("_closing", "_connection", "_identity", "_next_look", "_owes_sync", "_raised", "capped", "checkpointer"),
        *("commits", "leaked_cursors", "lease", "path", "queue", "rollbacks", "settings"),
    )

    def __init__(self, path: str, identity: tuple[int, int], settings: Settings, checkpoint_pages: int) -> None:
        self.path = path
        self._identity = identity  # device and inode of the file when it was opened
        self._next_look = 0.0  # monotonic seconds at which a commit looks whether the file is still that one
        self._closing = False  # whether whoever leaves the queue closes the connection
        self.settings = settings
        self.queue = FairLock()
        self.checkpointer = Checkpointer(path, settings, checkpoint_pages)
        self.lease: WriteConnection | None = None  # the open transaction's
        self.capped: list[Capped] = []
        self.commits = 0
        self.rollbacks = 0
        self.leaked_cursors = 0  # streams that a scope left half read
        self._connection: Connection | None = None
        self._owes_sync = False  # whether a nested write(durable=True) asked for more than this transaction began with
        self._raised = False  # whether this transaction runs at FULL on a NORMAL file

    def connection(self) -> Connection:
        """The writer connection, opened at the first use and after it was retired."""
        if self._connection is None:
            self._connection, self.capped = open_connection(self.path, WRITER, self.settings)
        return self._connection

    def sync_after_commit(self) -> None:
        """Make the open transaction durable though it began without: `synchronous` cannot change inside a transaction,
        so its COMMIT is followed by a small one at FULL, which syncs the whole WAL before write() returns."""
        self._owes_sync = not self._raised and self.settings.synchronous != "FULL"

    def holder(self) -> str:
        """Who holds the queue, for how long, and the text of its latest statement without values."""
        lease = self.lease
        statement = " ".join(lease.statement.split())[:120] if lease is not None else ""
        return self.queue.holder() + (f" in {statement!r}" if statement else "")

    def require_same_file(self) -> None:
        """Raise FileReplaced where another file, or none, has the database's name now: SQLite goes on writing to the
        old one without an error (https://www.sqlite.org/howtocorrupt.html, section 2.5)."""
        try:
            status = os.stat(self.path)
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._identity:
            raise FileReplaced(
                "the database file was deleted or replaced while it was open; what was written since is lost",
                operation="commit",
                path=self.path,
                hint="close the service, put the file or a backup back, and write again",
            )

    def retire(self) -> None:
        """Close the writer connection after an error that leaves its state in doubt; the next use opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def begin(self, busy_timeout: float, *, durable: bool = False) -> WriteConnection:
        """BEGIN IMMEDIATE, waiting for another process's lock up to `busy_timeout` seconds. Blocks for that long."""
        if self._closing:
            raise ServiceClosed("the service is closed", operation="write", path=self.path)
        connection = self._connection or self.connection()
        if durable and self.settings.synchronous != "FULL":
            self._raised = True
            pragmas.set_synchronous(connection, "FULL")
        deadline = 0.0
        tries = 0
        while True:
            try:
                connection.run_kernel(BEGIN_IMMEDIATE)
                break
            except sqlite3.Error as error:
                failure = translate(error, operation="begin", path=self.path)
            now = time.monotonic()
            deadline = deadline or now + busy_timeout
            if failure.code is None or failure.code & 0xFF not in _WAITS:
                self.retire()
                raise failure
            if now >= deadline:
                raise WriterTimeout(
                    f"another connection held the write lock for more than {busy_timeout:g} s",
                    operation="begin",
                    path=self.path,
                    code=failure.code,
                    code_name=failure.code_name,
                    hint="find the process that keeps a transaction open, or raise busy_timeout",
                )
            tries += 1
            time.sleep(min(deadline - now, random.uniform(0.0002, min(0.02, 0.001 * tries))))
        self.lease = WriteConnection(connection)
        return self.lease

    def commit(self, busy_timeout: float) -> None:
        """COMMIT, then checkpoint if it is due. Raises ForeignKeyViolation, DiskFull or TransactionFailed (all rolled
        back), OutcomeUnknown after an I/O error."""
        connection = self._connection or self.connection()
        deadline = 0.0
        while True:
            try:
                connection.run_kernel(COMMIT)
                break
            except sqlite3.Error as error:
                failure = translate(error, operation="commit", path=self.path)
            primary = (failure.code or 0) & 0xFF
            now = time.monotonic()
            deadline = deadline or now + busy_timeout
            if primary in _WAITS and connection.in_transaction and now < deadline:
                time.sleep(random.uniform(0.0005, 0.005))
                continue
            if primary == sqlite3.SQLITE_IOERR:
                self.retire()
                raise OutcomeUnknown(
                    "an I/O error during COMMIT: the transaction may have been committed or not",
                    operation="commit",
                    path=self.path,
                    code=failure.code,
                    code_name=failure.code_name,
                    hint="ask the data (by id or content hash) before you write it again",
                )
            self.rollback()
            raise failure
        self.commits += 1
        if self._owes_sync:
            self._sync(connection)
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            self.require_same_file()
        self.checkpointer.after_commit(connection)

    def _sync(self, connection: Connection) -> None:
        """A commit at FULL of nothing new: SQLite syncs the WAL up to and with it."""
        self._owes_sync = False
        self._raised = True
        try:
            pragmas.set_synchronous(connection, "FULL")
            connection.run_kernel(BEGIN_IMMEDIATE)
            pragmas.touch(connection)
            connection.run_kernel(COMMIT)
            return
        except sqlite3.Error as error:
            failure = translate(error, operation="sync", path=self.path)
        self.rollback()
        raise OutcomeUnknown(
            "the transaction is committed, but making it durable failed",
            operation="sync",
            path=self.path,
            code=failure.code,
            code_name=failure.code_name,
            hint="it survives a crash of the process, and may not survive a loss of power",
        )

    def rollback(self) -> None:
        """End the open transaction, if SQLite has not ended it already; a connection that cannot is retired."""
        connection = self._connection
        if connection is None or not connection.in_transaction:
            return
        self.rollbacks += 1
        try:
            connection.run_kernel(ROLLBACK)
        except sqlite3.Error:
            self.retire()

    def finish(self) -> None:
        """End the lease; back to the file's own level of durability."""
        self._owes_sync = False
        lease, self.lease = self.lease, None
        if lease is not None:
            self.leaked_cursors += lease.end()
        if self._raised:
            self._raised = False
            if self._connection is not None:
                pragmas.set_synchronous(self._connection, self.settings.synchronous)

    def close_within(self, timeout: float) -> None:
        """Close once the queue is free. Where it is not within `timeout` seconds, whoever holds it closes the
        connection on leaving, and TransactionFailed names the holder. Raises FileReplaced, after closing."""
        self._closing = True
        if not self.queue.acquire(timeout):
            raise TransactionFailed(
                f"a write transaction is still open after {timeout:g} s, of {self.holder()};"
                " its connection is closed when it ends",
                operation="close",
                path=self.path,
                hint="let writers end before closing the service",
            )
        try:
            if self._connection is not None:
                self.require_same_file()
        finally:
            self.close()
            self.queue.release()

    def abandon(self, number: int) -> None:
        """End what the thread of that number still has open, roll it back, and leave the queue; nothing where it does
        not hold the queue any more. Also called when a thread has ended inside a write scope."""
        if self.queue.owner == number:
            try:
                self.rollback()
                self.finish()
            finally:
                self.leave_queue()

    def leave_queue(self) -> None:
        """Hand the queue on, with no transaction open; close the connection first where the service was closed
        meanwhile."""
        try:
            self.rollback()  # what an interrupt, or an error, has left of a checkpoint
            if self._closing:
                self.close()
        finally:
            self.queue.release()

    def close(self) -> None:
        """Copy the WAL back and close. The last connection to close lets SQLite remove the -wal file."""
        try:
            if self._connection is not None:
                with suppress(SqlError):  # what is committed stays in the WAL, and the next opening finds it there
                    self.checkpointer.run(self._connection)
        finally:
            try:
                self.checkpointer.close()
            finally:
                self.retire()


class WriteScope:
    """`with database.write() as conn:`: the queue, BEGIN IMMEDIATE … COMMIT; ROLLBACK when an exception leaves it.

    Entered again by the thread that is inside, it is a savepoint of the same transaction. A class and no generator
    context manager, because that costs a measurable part of a small transaction.
    """

    __slots__ = ("_busy_timeout", "_durable", "_number", "_queue_timeout", "_savepoint", "_writer")

    def __init__(self, writer: FileWriter, queue_timeout: float, busy_timeout: float, *, durable: bool = False) -> None:
        self._writer = writer
        self._queue_timeout = queue_timeout
        self._busy_timeout = busy_timeout
        self._durable = durable
        self._savepoint: Savepoint | None = None
        self._number = 0  # of the thread that is inside; not its token, which must die with the thread

    def __enter__(self) -> WriteConnection:
        writer = self._writer
        queue = writer.queue
        token = current()
        if queue.owner == token.number:
            return self._nest(token.number)
        try:
            token.writers.add(writer)
            if queue.acquire(self._queue_timeout, token):
                self._number = token.number
                return writer.begin(self._busy_timeout, durable=self._durable)
        except BaseException:
            self._number = 0
            writer.abandon(token.number)
            token.writers.discard(writer)
            raise
        token.writers.discard(writer)
        raise WriterTimeout(
            f"no turn in the write queue within {self._queue_timeout:g} s; it is held by {writer.holder()}",
            operation="write",
            path=writer.path,
            hint="keep write transactions short, or raise app_connection_timeout",
        )

    def _nest(self, number: int) -> WriteConnection:
        lease = self._writer.lease
        if lease is None:
            raise TransactionFailed(
                "a write transaction is begun inside maintenance of the same file",
                operation="write",
                path=self._writer.path,
                hint="write before or after it",
            )
        if self._durable:
            self._writer.sync_after_commit()
        self._savepoint = lease.savepoint()
        self._savepoint.__enter__()
        self._number = number
        return lease

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        writer, number = self._writer, self._number
        if not number or writer.queue.owner != number:
            return  # the thread that was inside has ended, and its transaction with it
        if self._savepoint is not None:
            self._savepoint.__exit__(kind, error, trace)
            self._number = 0
            return
        lease = writer.lease
        try:
            if kind is None:
                if lease is not None and lease.doomed is not None:
                    raise lease._misused()
                writer.commit(self._busy_timeout)
        finally:
            writer.abandon(number)  # rolls back what is not committed
            current().writers.discard(writer)
            self._number = 0

    def __del__(self) -> None:
        """A scope that nobody will leave: an interrupt hit the first instruction of __exit__. Without this its
        transaction would stay open, and swallow whatever its thread writes later as savepoints."""
        number = getattr(self, "_number", 0)  # an interrupt may have cut __init__ short
        if not number:
            return
        if self._savepoint is None:
            self._writer.abandon(number)
        elif self._writer.queue.owner == number:
            with suppress(SqlError):
                self._savepoint.__exit__(KeyboardInterrupt, None, None)
