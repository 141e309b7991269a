"""Bulk loads: transactions of the kernel's own choice, a bounded -wal file, and what is stored when they are cut."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from ragkernel.core.bulk import BulkLoading, insert_in_bulk
from ragkernel.core.lease import WriteConnection
from ragkernel.core.pragmas import Settings
from ragkernel.errors import BulkStopped, CheckViolation, ConnectionMisused, TransactionFailed, WriterTimeout

from .support import count_notes, finish, make_database, run_threads, start_python

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

    from ragkernel.connections import Writer
    from ragkernel.core.database import Database

LIMIT = 4 * 2**20
LIMITED = Settings(cache_size_kib=8000, mmap_size=0, busy_timeout_ms=200, journal_size_limit=LIMIT)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with make_database(tmp_path / "notes.db", LIMITED) as opened:
        yield opened


def insert_many(conn: Writer, rows: Iterable[str], /) -> int:
    """What the generator writes for a table, in short."""
    with conn.savepoint():
        return conn.change_many("INSERT INTO notes (body) VALUES (?)", ((row,) for row in rows))


def bodies(database: Database) -> list[str]:
    with database.read() as conn:
        return [row[0] for row in conn.fetch_all("SELECT body FROM notes ORDER BY id")]


def wal_bytes(database: Database) -> int:
    return os.stat(database.path + "-wal").st_size


def test_every_row_is_stored_once_and_in_order(database: Database) -> None:
    """A load of many transactions stores what the iterable gave, in its order, and says how many rows they were."""
    rows = [f"note {number} " + "x" * 500 for number in range(20_000)]
    before = database.writer.commits
    assert insert_in_bulk(database, insert_many, iter(rows)) == 20_000
    assert bodies(database) == rows
    assert 4 <= database.writer.commits - before <= 12


def test_an_empty_load_begins_no_transaction(database: Database) -> None:
    """Nothing to store is nothing done; nor is a transaction begun after the last row."""
    before = database.writer.commits
    assert insert_in_bulk(database, insert_many, []) == 0
    assert database.writer.commits == before
    assert insert_in_bulk(database, insert_many, ["x"] * 1000) == 1000
    assert database.writer.commits == before + 1


def sizes(kind: str) -> Iterator[int]:
    """Characters of each row, 20 MB altogether."""
    if kind == "even":
        yield from [2000] * 10_000
    elif kind == "growing":
        yield from [10] * 100_000
        yield from [500_000] * 38
    elif kind == "shrinking":
        yield from [500_000] * 38
        yield from [10] * 100_000
    else:
        draw = random.Random(7)
        yield from (draw.choice((10, 100, 1000, 10_000, 100_000)) for _ in range(1000))


@pytest.mark.parametrize("kind", ["even", "growing", "shrinking", "mixed"])
def test_the_wal_stays_within_its_limit(database: Database, kind: str) -> None:
    """Whatever the sizes of the rows, and how they change, the -wal file does not outgrow journal_size_limit."""
    with database.write() as conn:  # each row changes a page of the index besides its own
        conn.execute("CREATE INDEX notes_body ON notes (substr(body, 1, 12))")
    draw = random.Random(5)
    largest = 0

    def rows() -> Iterator[str]:
        nonlocal largest
        for number, size in enumerate(sizes(kind)):
            if number % 64 == 0:
                largest = max(largest, wal_bytes(database))
            yield f"{draw.getrandbits(48):012x}" + "é" * (size // 2)

    insert_in_bulk(database, insert_many, rows())
    assert LIMIT / 4 <= max(largest, wal_bytes(database)) <= LIMIT


def test_a_reader_that_comes_and_goes_does_not_let_the_wal_outgrow_its_limit(database: Database) -> None:
    """What a snapshot kept from being copied counts as a part of the next transaction's room."""
    largest = 0

    def rows() -> Iterator[str]:
        nonlocal largest
        commits, scope = 0, None
        for _ in range(20_000):
            if database.writer.commits != commits:  # a transaction long, in every other transaction
                commits = database.writer.commits
                largest = max(largest, wal_bytes(database))
                if scope is None:
                    scope = database.read()
                    scope.__enter__()
                else:
                    scope.__exit__(None, None, None)
                    scope = None
            yield "x" * 1000
        if scope is not None:
            scope.__exit__(None, None, None)

    insert_in_bulk(database, insert_many, rows())
    assert LIMIT / 2 <= max(largest, wal_bytes(database)) <= LIMIT


def test_readers_that_never_pause_do_not_let_the_wal_outgrow_its_limit(tmp_path: Path) -> None:
    """Readers of which one is always inside would keep the WAL from ever starting anew: the writer waits for them.

    reader 0  ──in──────────── leaves      ──in────────── …
    reader 1            ──in──────────── leaves    ──in── …
    """
    with make_database(tmp_path / "notes.db", LIMITED) as database:
        entered, done = [threading.Event(), threading.Event()], threading.Event()

        def read_on(mine: int) -> None:
            while not done.is_set():
                with database.read() as conn:
                    conn.execute("SELECT count(*) FROM notes WHERE id = 1")
                    entered[mine].set()
                    while not (entered[1 - mine].wait(0.05) or done.is_set()):
                        pass
                    entered[1 - mine].clear()

        largest = 0

        def rows() -> Iterator[str]:
            nonlocal largest
            for number in range(30_000):
                if number % 100 == 0:
                    largest = max(largest, wal_bytes(database))
                yield "x" * 1000

        def load_all() -> None:
            try:
                insert_in_bulk(database, insert_many, rows())
            finally:
                done.set()

        run_threads([lambda: read_on(0), lambda: read_on(1), load_all])
        assert count_notes(database) == 30_000
        assert largest <= LIMIT


def test_rows_are_streamed(database: Database) -> None:
    """A load of 60 MB holds no more of it in memory than one transaction's."""

    def rows() -> Iterator[str]:
        for number in range(30_000):
            yield f"{number:2000d}"

    tracemalloc.start()
    try:
        insert_in_bulk(database, insert_many, rows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count_notes(database) == 30_000
    assert peak < 2 * LIMIT


def test_the_iterable_runs_outside_of_every_transaction(database: Database) -> None:
    """While a row is made nobody holds the write queue, and another connection may write; so may the iterable."""
    other = sqlite3.connect(database.path, timeout=0, isolation_level=None)

    def rows() -> Iterator[str]:
        for number in range(5000):
            if number % 500 == 0:
                assert database.writer.queue.owner is None
                other.execute("INSERT INTO notes (body) VALUES ('foreign')")
                with database.write() as conn:
                    conn.execute("INSERT INTO notes (body) VALUES ('own')")
            yield f"note {number}"

    assert insert_in_bulk(database, insert_many, rows()) == 5000
    other.close()
    assert count_notes(database) == 5020


def test_another_thread_has_its_turn_between_two_transactions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that comes to the queue while a large transaction is open gets it before the load's rows are all stored.

    load     … slice ────────────── (one waits) COMMIT ········ the rest
    writer         joins the queue ····················· writes
    """
    arrived: list[threading.Thread] = []
    real = WriteConnection.change_many

    def write_one() -> None:
        with database.write() as conn:
            conn.execute("INSERT INTO notes (body) VALUES ('in between')")

    def watched(self: WriteConnection, sql: str, rows: Iterable[Any], /) -> int:
        changed = real(self, sql, rows)
        if not arrived and self.fetch_one("SELECT count(*) FROM notes") == (3000,):
            arrived.append(threading.Thread(target=write_one))
            arrived[0].start()
            while database.writer.queue.waiting == 0:
                pass
        return changed

    monkeypatch.setattr(WriteConnection, "change_many", watched)
    assert insert_in_bulk(database, insert_many, [f"note {number}" for number in range(9000)]) == 9000
    arrived[0].join(30)
    found = bodies(database)
    assert found.index("in between") == 3000
    assert [body for body in found if body != "in between"] == [f"note {number}" for number in range(9000)]


def test_a_refused_row_leaves_the_transactions_before_it(database: Database) -> None:
    """A constraint undoes its own transaction alone; the error says how many rows are stored, and shows no value."""
    rows = [f"secret {number}" for number in range(5000)]
    rows[4321] = ""
    with pytest.raises(BulkStopped) as caught:
        insert_in_bulk(database, insert_many, rows)
    assert isinstance(caught.value.__cause__, CheckViolation)
    assert caught.value.code_name == "SQLITE_CONSTRAINT_CHECK"
    assert caught.value.rows_stored == 1000
    assert "after 1000 stored rows" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert bodies(database) == rows[:1000]
    assert not database.writer.connection().in_transaction


def test_an_iterable_that_fails_leaves_the_transactions_before_it(database: Database) -> None:
    """Its exception is the cause of the error, which says how many rows are stored and does not quote it."""

    def rows() -> Iterator[str]:
        yield from ("x" for _ in range(1500))
        raise ValueError("a secret")

    with pytest.raises(BulkStopped, match="after 1000 stored rows: ValueError was raised") as caught:
        insert_in_bulk(database, insert_many, rows())
    assert isinstance(caught.value.__cause__, ValueError)
    assert "secret" not in str(caught.value)
    assert caught.value.rows_stored == count_notes(database) == 1000


def test_an_interrupt_stays_an_interrupt(database: Database) -> None:
    """KeyboardInterrupt goes through as it is, with a note of how many rows are stored."""

    def rows() -> Iterator[str]:
        yield from ("x" for _ in range(1500))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        insert_in_bulk(database, insert_many, rows())
    assert caught.value.__notes__ == ["1000 rows of the bulk load are stored"]
    assert count_notes(database) == 1000


def test_a_writer_that_waits_too_long_is_told_how_far_it_came(tmp_path: Path) -> None:
    """Where the write lock is not to be had, the load ends by an error with that as its cause."""
    with make_database(tmp_path / "notes.db", LIMITED, busy_timeout=0.01) as database:
        other = sqlite3.connect(database.path, isolation_level=None)

        def rows() -> Iterator[str]:
            yield from ("x" for _ in range(1000))
            other.execute("BEGIN IMMEDIATE")
            yield from ("x" for _ in range(1000))

        with pytest.raises(BulkStopped) as caught:
            insert_in_bulk(database, insert_many, rows())
        other.close()
        assert isinstance(caught.value.__cause__, WriterTimeout)
        assert caught.value.rows_stored == count_notes(database) >= 1000 - 1


def test_a_load_is_no_part_of_another_transaction(database: Database, tmp_path: Path) -> None:
    """Inside a write scope it is refused, also inside the other file's, and inside one that the iterable opened."""

    def rows() -> Generator[str]:
        with database.write():
            yield from ("x" for _ in range(2000))

    with database.write(), pytest.raises(TransactionFailed, match="its own transactions") as caught:
        insert_in_bulk(database, insert_many, ["x"])
    assert not isinstance(caught.value, BulkStopped)  # nothing was begun
    with make_database(tmp_path / "other.db") as other, other.write(), pytest.raises(TransactionFailed):
        insert_in_bulk(database, insert_many, ["x"], other=other)
    suspended = rows()
    with pytest.raises(BulkStopped, match="its own transactions"):
        insert_in_bulk(database, insert_many, suspended)
    suspended.close()
    assert count_notes(database) == 0


def test_a_load_takes_rows_by_insert_many_alone(database: Database) -> None:
    """A function that says anything else to its Writer is refused, and told why."""
    with pytest.raises(BulkStopped, match="insert_many alone") as caught:
        insert_in_bulk(database, lambda conn, _rows: len(conn.execute("SELECT 1")), ["x"])
    assert isinstance(caught.value.__cause__, ConnectionMisused)


def test_under_a_long_reader_a_load_goes_on(database: Database) -> None:
    """A snapshot that keeps the WAL from starting anew makes the transactions small, and stops nothing; when it has
    gone, the WAL starts anew and they are large again."""
    with database.read() as conn:
        run_threads([lambda: load(database, 6000)])
        assert conn.execute("SELECT count(*) FROM notes")[0] == (0,)
    assert count_notes(database) == 6000
    grown, commits = wal_bytes(database), database.writer.commits
    load(database, 10_000)
    assert wal_bytes(database) <= grown
    assert database.writer.commits - commits < 12


def load(database: Database, count: int) -> None:
    insert_in_bulk(database, insert_many, ("x" * 1000 for _ in range(count)))


LOADER = """
    import sys
    from pathlib import Path
    from tests.core.support import count_notes
    from tests.core.test_bulk import insert_many, make_database, LIMITED
    from ragkernel.core.bulk import insert_in_bulk
    database = make_database(Path(sys.argv[1]), LIMITED)
    def rows():
        seen = 0
        for number in range(12000):
            if number % 100 == 0 and count_notes(database) != seen:
                seen = count_notes(database)
                print(seen, flush=True)
            yield f"{number:500d}"
    insert_in_bulk(database, insert_many, rows())
    print(count_notes(database), flush=True)
"""


def test_a_killed_load_leaves_whole_transactions(tmp_path: Path) -> None:
    """After kill -9 the file holds the rows of the load's first transactions, each whole, and nothing else."""
    boundaries = {0, *map(int, finish(start_python(LOADER, str(tmp_path / "whole.db"))).split())}
    assert len(boundaries) >= 5
    for lines in range(1, 4):
        path = tmp_path / f"killed{lines}.db"
        process = start_python(LOADER, str(path))
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.kill()
        process.communicate()
        with make_database(path, LIMITED) as database:
            found = bodies(database)
        assert len(found) in boundaries
        assert found == [f"{number:500d}" for number in range(len(found))]


def test_loading_raises_the_threshold_and_gives_it_back(tmp_path: Path) -> None:
    """Inside bulk_loading fewer checkpoints run and the WAL stays within its limit; the usual threshold is back when
    the last one is left, however it ends, and the next commit runs the checkpoint that is due."""
    with make_database(tmp_path / "notes.db", LIMITED, checkpoint_pages=100) as database:
        checkpointer = database.writer.checkpointer
        write(database, 1)
        with BulkLoading(database):
            with pytest.raises(KeyError), BulkLoading(database):
                raise KeyError
            assert checkpointer.threshold == LIMIT // 2 // (4096 + 24)
            for _ in range(4):
                write(database, 50)
            assert checkpointer.runs == 0
            for _ in range(80):
                write(database, 50)
                assert wal_bytes(database) <= LIMIT
            assert 4 <= checkpointer.runs <= 20
            database.checkpoint()
            runs = checkpointer.runs
            for _ in range(4):
                write(database, 50)
            assert checkpointer.runs == runs
        assert checkpointer.threshold == 100
        write(database, 1)
        assert checkpointer.runs == runs + 1


def test_threads_that_load_at_once_share_the_raised_threshold(tmp_path: Path) -> None:
    """However many enter and leave at once, it is raised while any is inside, and as configured afterwards."""
    with make_database(tmp_path / "notes.db", LIMITED) as database:
        raised = LIMIT // 2 // (4096 + 24)

        def enter_and_leave() -> None:
            for _ in range(2000):
                with BulkLoading(database):
                    assert database.writer.checkpointer.threshold == max(1000, raised)

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            run_threads([enter_and_leave] * 8)
        finally:
            sys.setswitchinterval(interval)
        assert database.writer.checkpointer._loads == 0


def write(database: Database, count: int) -> None:
    with database.write() as conn:
        insert_many(conn, ["x" * 3000] * count)
