"""Many rows: transactions of a size that pays, and a -wal file that stays within its limit.

What makes a bulk load slow is not the inserting but the pages of the indexes: each transaction writes every page that
it changed once, and each checkpoint copies them once more. So transactions are made as large as the -wal file allows,
each followed by one checkpoint, whose row says how much the transaction had written; the next one's size follows from
that. Nothing of the caller's runs inside them: rows are made and encoded while nobody waits for the writer.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from ragkernel.errors import BulkStopped, ConnectionMisused, OutcomeUnknown, SqlError, TransactionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from ragkernel.connections import Parameters, Writer

    from .database import Database

    Row = TypeVar("Row")

# Bytes that a transaction may put into the WAL, and their part of journal_size_limit: larger ones gain nothing more
# (bench/bench_bulk.py), and the estimate needs room.
_MOST = 40 * 1024 * 1024
_SHARE = 0.6
_LEAST = 256 * 1024

# The first transaction: what its rows cost is not known yet.
_FIRST_ROWS = 1000
_FIRST_COST = 4.0  # bytes in the WAL for a unit, which is a character, of up to four bytes
_GROWTH = 8  # times as many rows as the one before, at most

_ROW_UNITS = 100  # what a row weighs beside its texts: numbers, headers, entries of indexes
_SLICE = 1000  # rows between two looks whether another thread waits

# Bytes of memory that the gathered rows may take: many small rows, or texts of which one character makes each take four
# bytes, need more of it than of the WAL.
_MOST_HELD = 64 * 1024 * 1024
_ROW_HELD = 300  # a row beside its texts: the tuple, its numbers

_SIZED = frozenset((str, bytes))


def insert_in_bulk(
    database: Database,
    insert_many: Callable[[Writer, Iterable[Row]], int],
    rows: Iterable[Row],
    *,
    other: Database | None = None,
) -> int:
    """Store rows by a generated `insert_many` in transactions of the kernel's own choice; how many they were.

    See `SqlService.bulk`, which is this. other: the pair's other file, inside whose write scopes it is refused too.
    Inside a read scope of the calling thread, the iterable's too, the -wal file outgrows its limit: the WAL cannot
    start anew before that scope is left.
    """
    load = _Load(database, other or database)
    load.require_outside()
    target: Any = load  # it takes what insert_many says to a Writer, and nothing else
    failure: BulkStopped | None = None
    try:
        insert_many(target, rows)
    except Exception as error:
        failure = load.stopped(error)
        failure.__cause__ = error
    except BaseException as error:
        error.add_note(f"{load.stored} rows of the bulk load are stored")
        raise
    if failure is not None:
        raise failure
    return load.stored


class BulkLoading:
    """`with BulkLoading(database):` raises the checkpoint threshold for write scopes that load much, from any thread.

    Meanwhile a checkpoint is due at half of journal_size_limit (or at checkpoint_pages where that is more), so keep
    each transaction below a third of it. The usual threshold is back when the last such block is left.
    """

    __slots__ = ("_checkpointer",)

    def __init__(self, database: Database) -> None:
        self._checkpointer = database.writer.checkpointer

    def __enter__(self) -> None:
        self._checkpointer.begin_load()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._checkpointer.end_load()


class _Load:
    """One bulk load: stands where insert_many expects a Writer, gathers encoded rows and stores them when they are
    enough for a transaction."""

    def __init__(self, database: Database, other: Database) -> None:
        self._database = database
        self._other = other
        self._writer = database.writer
        self._most = max(_LEAST, min(_MOST, _SHARE * database.settings.journal_size_limit))
        self._cost = _FIRST_COST
        self._rows = _FIRST_ROWS // _GROWTH  # of the transaction before
        self.stored = 0
        self.unknown = 0  # rows of a transaction whose COMMIT failed without saying whether it happened

    def savepoint(self) -> AbstractContextManager[None]:
        return nullcontext()

    def change_many(self, sql: str, rows: Iterable[Parameters], /) -> int:
        before = self.stored
        gathered: list[Any] = []
        units = held = 0
        most_units, most_rows = self._plan()
        for row in rows:
            gathered.append(row)
            units += _ROW_UNITS
            held += _ROW_HELD
            for value in row:
                if value.__class__ in _SIZED:
                    units += len(value)
                    held += value.__sizeof__()
            if units >= most_units or len(gathered) >= most_rows or held >= _MOST_HELD:
                self._store(sql, gathered, units / len(gathered))
                gathered, units, held = [], 0, 0
                most_units, most_rows = self._plan()
        if gathered:
            self._store(sql, gathered, units / len(gathered))
        return self.stored - before

    def _plan(self) -> tuple[float, int]:
        """Up to how many units and rows to gather for the next transaction."""
        room = max(_LEAST, self._most - self._writer.checkpointer.kept)
        return room / self._cost, self._rows * _GROWTH

    def _store(self, sql: str, rows: list[Any], row_units: float) -> None:
        """Store all rows, in one transaction unless another thread waits for its turn meanwhile."""
        place = 0
        while place < len(rows):
            self.require_outside()  # the iterable may have entered a scope, and be suspended inside
            checkpointer = self._writer.checkpointer
            runs, end, changed = checkpointer.runs, place, 0
            try:
                with self._database.write() as conn:
                    while end < len(rows) and (end == place or not self._writer.queue.waiting):
                        changed += conn.change_many(sql, rows[end : end + _SLICE])
                        end += _SLICE
                    checkpointer.demand(may_wait=not self._database.pool.snapshot_is_mine)
            except OutcomeUnknown:
                self.unknown = changed
                raise
            self.stored += changed
            count = min(end, len(rows)) - place
            if checkpointer.runs > runs and checkpointer.fresh:  # else another process was writing just then
                self._cost = max(0.5, checkpointer.fresh / (row_units * count))
            self._rows = max(count, 1)
            place = end

    def require_outside(self) -> None:
        """Raise TransactionFailed inside a write scope of the calling thread."""
        if self._database.inside_write or self._other.inside_write:
            raise TransactionFailed(
                "a bulk load is its own transactions, and cannot be a part of one that is open",
                operation="bulk",
                path=self._database.path,
                hint="leave the `with service.write()` block, also in the iterable, or use insert_many inside it",
            )

    def stopped(self, error: Exception) -> BulkStopped:
        """The error that says how far the load came. The iterable's own is named by its type: its text may hold
        values."""
        known = error if isinstance(error, SqlError) else None
        reason = known.message if known else f"{type(error).__name__} was raised"
        cause = known.hint if known and known.hint else "correct the cause"
        doubt, rest = "", "load the rows after those"
        if self.unknown:
            doubt = f", the next {self.unknown} may be stored or not"
            rest = "load those of them that are absent, and the rows after them"
        return BulkStopped(
            f"a bulk load stopped after {self.stored} stored rows{doubt}: {reason}",
            operation="bulk",
            path=self._database.path,
            code=known.code if known else None,
            code_name=known.code_name if known else None,
            hint=f"{cause}; then {rest}",
            rows_stored=self.stored,
            rows_unknown=self.unknown,
        )

    def __getattr__(self, name: str) -> Any:
        raise ConnectionMisused(
            f"a bulk load takes rows by insert_many alone, and was asked for {name}",
            operation="bulk",
            path=self._database.path,
            hint="give it the insert_many of a table",
        )
