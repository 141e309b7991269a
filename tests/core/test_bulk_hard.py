"""Bulk loads under bad conditions: checkpoints that are missed, a COMMIT of unknown outcome, rows that need much
memory, a snapshot of one's own."""

from __future__ import annotations

import itertools
import os
import sqlite3
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from ragkernel.core import bulk
from ragkernel.core.bulk import insert_in_bulk
from ragkernel.core.checkpoint import Checkpointer, CheckpointResult
from ragkernel.core.connection import Connection
from ragkernel.errors import BulkStopped, DiskFull, OutcomeUnknown

from .support import count_notes, make_database
from .test_bulk import LIMIT, LIMITED, bodies, insert_many, wal_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ragkernel.core.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with make_database(tmp_path / "notes.db", LIMITED) as opened:
        yield opened


def load(database: Database, rows: Iterator[str]) -> list[int]:
    """Load the rows; how many each transaction stored."""
    stored = [0]

    def watched() -> Iterator[str]:
        commits = database.writer.commits
        for number, row in enumerate(rows):
            if database.writer.commits != commits:
                commits = database.writer.commits
                stored.append(number)
            yield row

    stored.append(insert_in_bulk(database, insert_many, watched()))
    return [later - before for before, later in itertools.pairwise(stored) if later > before]


def miss(monkeypatch: pytest.MonkeyPatch, numbers: range) -> list[int]:
    """Another connection has the write lock whenever one of these checkpoints is begun; the sizes of the -wal then."""
    real = Checkpointer.run
    numbered = itertools.count()
    sizes: list[int] = []

    def run(self: Checkpointer, writer: Connection) -> CheckpointResult | None:
        if next(numbered) not in numbers:
            return real(self, writer)
        other = sqlite3.connect(writer.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            result = real(self, writer)
            assert result is None
            sizes.append(os.stat(writer.path + "-wal").st_size)
            return result
        finally:
            other.close()

    monkeypatch.setattr(Checkpointer, "run", run)
    return sizes


def test_missed_checkpoints_do_not_let_the_wal_outgrow_its_limit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process has the write lock just after our commits, what could not be copied counts as a part of the
    next transaction's room; once it can, transactions are large again."""
    sizes = miss(monkeypatch, range(3, 7))
    transactions = load(database, ("x" * 1000 for _ in range(20_000)))
    assert len(sizes) == 4
    assert max(*sizes, wal_bytes(database)) <= LIMIT
    assert max(transactions[-3:]) * 1000 > LIMIT / 4


def test_a_missed_checkpoint_teaches_nothing_about_the_cost_of_rows(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the checkpoint before measured is not taken for a larger transaction that none has measured."""
    sizes = miss(monkeypatch, range(1, 2))
    transactions = load(database, ("\U0001d11e" * 75 for _ in range(16_000)))
    assert len(sizes) == 1
    assert transactions[1] > 4 * transactions[0]
    assert transactions[2] * 300 <= bulk._LEAST


def test_a_checkpoint_that_tells_nothing_new_teaches_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A WAL that started anew and has by chance as many frames as before seems not to have grown: rows do not seem to
    cost nothing for that."""
    real = Checkpointer.after_commit
    commits = itertools.count()

    def after_commit(self: Checkpointer, writer: Connection) -> None:
        real(self, writer)
        if next(commits) == 2:
            self.fresh = 0

    monkeypatch.setattr(Checkpointer, "after_commit", after_commit)
    transactions = load(database, ("\U0001d11e" * 600 for _ in range(8000)))
    assert max(transactions[1:]) * 2400 <= LIMIT


@pytest.mark.parametrize("stored", [False, True])
def test_a_commit_of_unknown_outcome_is_told_as_such(
    database: Database, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    """Rows whose COMMIT ended by an I/O error are named as uncertain, and the hint is to ask the data before they are
    loaded again; whether the COMMIT took place or not, they are stored as a whole or not at all."""
    rows = [f"note {number}" for number in range(3000)]
    real = Connection.run_kernel
    commits = itertools.count()

    def fail(self: Connection, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
        if not sql.startswith("COMMIT") or next(commits) != 1:
            return real(self, sql, parameters)
        if stored:
            real(self, sql, parameters)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        raise error

    monkeypatch.setattr(Connection, "run_kernel", fail)
    with pytest.raises(BulkStopped, match="after 1000 stored rows, the next 2000 may be stored or not") as caught:
        insert_in_bulk(database, insert_many, rows)
    assert isinstance(caught.value.__cause__, OutcomeUnknown)
    assert (caught.value.rows_stored, caught.value.rows_unknown) == (1000, 2000)
    assert "ask the data" in caught.value.hint
    assert "absent" in caught.value.hint
    assert bodies(database) == rows[: 3000 if stored else 1000]


def test_another_ones_unknown_outcome_leaves_no_doubt_about_the_load(database: Database) -> None:
    """An OutcomeUnknown that the iterable raises is about other rows than the load's."""

    def rows() -> Iterator[str]:
        yield from ("x" for _ in range(1500))
        raise OutcomeUnknown("an I/O error")

    with pytest.raises(BulkStopped) as caught:
        insert_in_bulk(database, insert_many, rows())
    assert (caught.value.rows_stored, caught.value.rows_unknown) == (1000, 0)
    assert caught.value.hint == "correct the cause; then load the rows after those"
    assert count_notes(database) == 1000


def test_the_hint_of_the_cause_is_kept(database: Database) -> None:
    """What the cause says is to be done comes first, then what is to be loaded."""

    def rows() -> Iterator[str]:
        yield "x"
        raise DiskFull("the disk is full", hint="free some space")

    with pytest.raises(BulkStopped) as caught:
        insert_in_bulk(database, insert_many, rows())
    assert caught.value.hint == "free some space; then load the rows after those"


@pytest.mark.parametrize(
    ("count", "row"),
    [
        pytest.param(60_000, lambda number: f"{number:8d}", id="small rows"),
        pytest.param(8_000, lambda number: f"{number:1000d}\U0001d11e", id="four bytes for each character"),
    ],
)
def test_what_is_held_in_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, row: Callable[[int], str]
) -> None:
    """Rows that need more memory than WAL are stored when they have reached the bound of memory."""
    monkeypatch.setattr(bulk, "_MOST_HELD", 2**20)
    with make_database(tmp_path / "notes.db") as database:
        before = database.writer.commits
        tracemalloc.start()
        try:
            insert_in_bulk(database, insert_many, map(row, range(count)))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert count_notes(database) == count
        assert database.writer.commits - before < 60
        assert peak < 1.5 * 2**20


def test_a_load_does_not_wait_for_its_own_snapshot(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a read scope of its own thread, which cannot be left meanwhile, no checkpoint waits for readers; after it
    they do again."""
    waits: list[int] = []
    real = Checkpointer._restart

    def counted(self: Checkpointer, writer: Connection, last: CheckpointResult) -> None:
        waits.append(last.frames)
        real(self, writer, last)

    monkeypatch.setattr(Checkpointer, "_restart", counted)
    with database.read():
        insert_in_bulk(database, insert_many, ("x" * 1000 for _ in range(6000)))
        assert waits == []
        assert database.writer.checkpointer.kept > LIMIT / 4
    with database.write() as conn:
        insert_many(conn, ["x" * 1000] * 6000)
    assert len(waits) == 1
    with database.read(snapshot=False):  # holds nothing up
        insert_in_bulk(database, insert_many, ("x" * 1000 for _ in range(2000)))
    assert len(waits) > 1
