"""What a caller holds inside a `with` block: a ReadConnection or a WriteConnection.

A lease is made when the block is entered and dies with it; the SQLite connection behind it goes back to its pool. So a
lease that was kept, or was handed to another thread, is noticed at its first use. Errors are translated here, and after
each error of a write the transaction is looked at: SQLite may have rolled it back by itself (hazard 5).
"""

from __future__ import annotations

import os
import sqlite3
from threading import get_ident
from typing import TYPE_CHECKING, Any

from ragkernel.connections import Result
from ragkernel.errors import (
    ConnectionMisused,
    QueryFailed,
    ReadOnlyConnection,
    SqlError,
    TransactionDoomed,
    translate,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ragkernel.connections import Parameters, RawRow

    from .connection import Connection

# What executing, binding and fetching can raise: the last three come from binding a value (hazard 23).
_FAILURES = (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError, ValueError)

_WRITING = frozenset({"write_one", "write_all", "change", "change_many", "savepoint"})

# A mark that nobody can know beforehand, so that a caller's own COMMIT is another statement to the statement cache and
# meets the authorizer.
MARK = f"/* {os.urandom(6).hex()} */"
BEGIN_IMMEDIATE = f"BEGIN IMMEDIATE {MARK}"
BEGIN_READ = f"BEGIN {MARK}"
COMMIT = f"COMMIT {MARK}"
ROLLBACK = f"ROLLBACK {MARK}"
PIN_SNAPSHOT = "SELECT 1 FROM sqlite_schema LIMIT 1"


class ReadConnection:
    """A Reader: see `ragkernel.connections.Reader` for what its methods promise."""

    __slots__ = ("_connection", "_cursors", "_execute", "_thread", "statement")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._thread = get_ident()
        self._cursors: set[sqlite3.Cursor] | None = None
        self.statement = ""  # the latest one's text, without values: pool timeouts and health name it

    def fetch_one(self, sql: str, parameters: Parameters = (), /) -> RawRow | None:
        if self._thread != get_ident():
            raise self._misused()
        self.statement = sql
        try:
            row: RawRow | None = self._execute(sql, parameters).fetchone()
            return row
        except _FAILURES as error:
            failure = self._failed(error, sql)
        raise failure

    def fetch_all(self, sql: str, parameters: Parameters = (), /) -> list[RawRow]:
        if self._thread != get_ident():
            raise self._misused()
        self.statement = sql
        try:
            return self._execute(sql, parameters).fetchall()
        except _FAILURES as error:
            failure = self._failed(error, sql)
        raise failure

    def stream(self, sql: str, parameters: Parameters = (), /, *, batch_size: int = 1000) -> Iterator[list[RawRow]]:
        if self._thread != get_ident():
            raise self._misused()
        self.statement = sql
        try:
            cursor = self._execute(sql, parameters)
        except _FAILURES as error:
            failure = self._failed(error, sql)
        else:
            if self._cursors is None:
                self._cursors = set()
            self._cursors.add(cursor)
            return self._batches(cursor, sql, batch_size)
        raise failure

    def _batches(self, cursor: sqlite3.Cursor, sql: str, size: int) -> Iterator[list[RawRow]]:
        failure: SqlError | None = None
        try:
            while True:
                if self._thread != get_ident():
                    raise self._misused()
                try:
                    rows = cursor.fetchmany(size)
                except _FAILURES as error:
                    failure = self._failed(error, sql)
                if failure is not None:
                    raise failure
                if not rows:
                    return
                yield rows
        finally:
            if self._cursors is not None and cursor in self._cursors:  # else the end of the lease has closed it
                self._cursors.discard(cursor)
                cursor.close()

    def execute(self, sql: str, parameters: Parameters = (), /) -> Result:
        if self._thread != get_ident():
            raise self._misused()
        self.statement = sql
        try:
            cursor = self._execute(sql, parameters)
            rows = cursor.fetchall()
        except _FAILURES as error:
            failure = self._failed(error, sql)
        else:
            columns = tuple(entry[0] for entry in cursor.description or ())
            return Result(rows, columns, cursor.rowcount, cursor.lastrowid)
        raise failure

    def end(self) -> int:
        """End the lease: close its open cursors, refuse all further use. Returns how many cursors were still open."""
        self._thread = 0
        cursors, self._cursors = self._cursors, None
        if not cursors:
            return 0
        for cursor in cursors:
            cursor.close()
        return len(cursors)

    @property
    def active(self) -> bool:
        """Whether the `with` block that gave this lease is still open."""
        return self._thread != 0

    @property
    def connection(self) -> Connection:
        """The SQLite connection behind the lease, for the kernel's own statements."""
        if self._thread != get_ident():
            raise self._misused()
        return self._connection

    def _misused(self) -> SqlError:
        if self._thread == 0:
            message = "the connection is used outside the `with` block that gave it"
            hint = "do the work inside the block, or enter a new one"
        else:
            message = "the connection is used by another thread than the one that entered its `with` block"
            hint = "let each thread enter a block of its own"
        return ConnectionMisused(message, operation="use connection", path=self._connection.path, hint=hint)

    def _failed(self, error: BaseException, sql: str) -> SqlError:
        return translate(error, operation="execute", path=self._connection.path, sql=sql)

    if not TYPE_CHECKING:  # for a type checker a Reader simply lacks these methods

        def __getattr__(self, name: str) -> Any:
            if name in _WRITING:
                raise ReadOnlyConnection(
                    "a Reader cannot write",
                    operation=name,
                    path=self._connection.path,
                    hint="write inside `with service.write() as conn:`",
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class WriteConnection(ReadConnection):
    """A Writer: see `ragkernel.connections.Writer` for what its methods promise."""

    __slots__ = ("_depth", "doomed")

    def __init__(self, connection: Connection) -> None:
        # The lines of ReadConnection, repeated: calling them is a measurable part of a small transaction.
        self._connection = connection
        self._execute = connection.execute
        self._thread = get_ident()
        self._cursors = None
        self.statement = ""
        self.doomed: SqlError | None = None  # the error after which SQLite rolled the transaction back
        self._depth = 0

    def write_one(self, sql: str, parameters: Parameters = (), /) -> RawRow | None:
        # RETURNING rows are all computed at the first step, but the statement ends only when all are fetched.
        rows = self.fetch_all(sql, parameters)
        return rows[0] if rows else None

    def write_all(self, sql: str, parameters: Parameters = (), /) -> list[RawRow]:
        return self.fetch_all(sql, parameters)

    def change(self, sql: str, parameters: Parameters = (), /) -> int:
        if self._thread != get_ident():
            raise self._misused()
        self.statement = sql
        try:
            return self._execute(sql, parameters).rowcount
        except _FAILURES as error:
            failure = self._failed(error, sql)
        raise failure

    def change_many(self, sql: str, rows: Iterable[Parameters], /) -> int:
        if self._thread != get_ident():
            raise self._misused()
        self.statement = sql
        try:
            return self._connection.executemany(sql, rows).rowcount
        except _FAILURES as error:
            failure = self._failed(error, sql)
        raise failure

    def savepoint(self) -> Savepoint:
        return Savepoint(self)

    def require_sound(self) -> None:
        """Raise where the lease is over, is another thread's, or its transaction was rolled back by SQLite."""
        if self._thread != get_ident():
            raise self._misused()

    def _failed(self, error: BaseException, sql: str) -> SqlError:
        failure = super()._failed(error, sql)
        if isinstance(failure, ReadOnlyConnection):  # this connection may write: it is the file that may not be
            failure = QueryFailed(
                "the database file, or its folder, may not be written",
                operation="write",
                path=self._connection.path,
                code=failure.code,
                code_name=failure.code_name,
                hint="check the owner, the mode and the mount of the file and of its folder",
            )
        self.notice(failure)
        return failure

    def notice(self, failure: SqlError) -> None:
        """Doom the lease if the transaction is gone: each further statement would run in autocommit (hazard 5)."""
        if self.doomed is None and not self._connection.in_transaction:
            self.doomed = failure
            self._thread = 0

    def _misused(self) -> SqlError:
        if self.doomed is None:
            return super()._misused()
        doomed = TransactionDoomed(
            "SQLite has rolled the whole transaction back after an earlier error",
            operation="write",
            path=self._connection.path,
            hint="leave the `with service.write()` block and run the whole transaction again",
        )
        doomed.__cause__ = self.doomed
        return doomed


class Savepoint:
    """A scope inside a write transaction whose changes are undone alone when an exception leaves it.

    Good for nesting to any depth; entered and left by the thread of the lease. Raises TransactionDoomed on leaving when
    SQLite has rolled the whole transaction back meanwhile and the caller swallowed that error.
    """

    __slots__ = ("_lease", "_name")

    def __init__(self, lease: WriteConnection) -> None:
        self._lease = lease
        self._name = ""

    def __enter__(self) -> None:
        lease = self._lease
        lease.require_sound()
        lease._depth += 1
        self._name = f"ragkernel_{lease._depth}"
        self._run(f"SAVEPOINT {self._name}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        lease = self._lease
        if not lease.active and lease.doomed is None:
            return  # left too late: the transaction it belonged to is over
        lease._depth -= 1
        if lease.doomed is not None:
            if error is None:
                raise lease._misused()
            return
        if kind is not None:
            if not lease._connection.in_transaction:
                lease.notice(error if isinstance(error, SqlError) else TransactionDoomed(f"{kind.__name__} was raised"))
                return
            self._run(f"ROLLBACK TO {self._name}")
        self._run(f"RELEASE {self._name}")

    def _run(self, sql: str) -> None:
        try:
            self._lease._connection.run_kernel(f"{sql} {MARK}")
            return
        except sqlite3.Error as error:
            failure = self._lease._failed(error, sql)
        raise failure
