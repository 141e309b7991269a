"""The two types of connection that every query takes: a Reader and a Writer.

They are Protocols, so that generated code depends on these few lines and on nothing of the runtime; the runtime's own
classes stand in `ragkernel.core.lease`. A Writer is also a Reader; a Reader is no Writer, for the type checker and at
run time (its SQLite connection has `query_only` on).

A connection is good inside the `with` block that gave it and in the thread that entered it, nowhere else: any use
outside raises `ConnectionMisused`. Every call blocks the calling thread until SQLite has answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    SqlValue = str | int | float | bytes | None
    Parameters = Sequence[Any] | Mapping[str, Any]

# A row as SQLite gives it: a plain tuple. Any, because only the statement knows the types.
RawRow = tuple[Any, ...]


class Result(list[RawRow]):
    """All rows of a statement of the caller's own, already fetched: a list with the reading methods of a DB-API cursor.

    `columns` holds the names of the result columns (empty for a statement without rows), `rowcount` the number of rows
    changed (-1 where the statement changes none), `lastrowid` the rowid of the last INSERT of this connection.
    """

    __slots__ = ("_next", "columns", "lastrowid", "rowcount")

    def __init__(
        self,
        rows: Iterable[RawRow] = (),
        columns: tuple[str, ...] = (),
        rowcount: int = -1,
        lastrowid: int | None = None,
    ) -> None:
        super().__init__(rows)
        self.columns = columns
        self.rowcount = rowcount
        self.lastrowid = lastrowid
        self._next = 0

    def fetchone(self) -> RawRow | None:
        """The next row, None after the last."""
        if self._next >= len(self):
            return None
        self._next += 1
        return self[self._next - 1]

    def fetchall(self) -> list[RawRow]:
        """The rows that fetchone has not yet given."""
        rest = self[self._next :]
        self._next = len(self)
        return rest


class Reader(Protocol):
    """A leased connection that reads. Errors: QueryFailed and its subclasses, ConnectionMisused."""

    def execute(self, sql: str, parameters: Parameters = (), /) -> Result:
        """Run one statement of the caller's own, with bound values, and fetch all its rows."""
        ...

    def fetch_one(self, sql: str, parameters: Parameters = (), /) -> RawRow | None:
        """The first row of a generated statement, None where it has none."""
        ...

    def fetch_all(self, sql: str, parameters: Parameters = (), /) -> list[RawRow]:
        """All rows of a generated statement."""
        ...

    def stream(self, sql: str, parameters: Parameters = (), /, *, batch_size: int = 1000) -> Iterator[list[RawRow]]:
        """The rows of a generated statement, batch_size rows at a time, from one open cursor.

        The cursor pins the snapshot it reads until it is exhausted, closed or the lease ends, whichever comes first.
        """
        ...


class Writer(Reader, Protocol):
    """A leased connection inside a write transaction: the only one of its file. Errors: as Reader, and
    TransactionFailed where SQLite has already rolled the transaction back."""

    def write_one(self, sql: str, parameters: Parameters = (), /) -> RawRow | None:
        """Run a generated statement with RETURNING to its end; its first row, None where it changed nothing."""
        ...

    def write_all(self, sql: str, parameters: Parameters = (), /) -> list[RawRow]:
        """Run a generated statement with RETURNING to its end; all its rows."""
        ...

    def change(self, sql: str, parameters: Parameters = (), /) -> int:
        """Run a generated statement without rows; how many rows it changed."""
        ...

    def change_many(self, sql: str, rows: Iterable[Parameters], /) -> int:
        """Run a generated statement once a row of `rows`, streamed; how many rows they changed altogether."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """A scope whose changes are undone alone when an exception leaves it."""
        ...
