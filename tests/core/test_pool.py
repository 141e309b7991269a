"""Readers: one to a thread, bounded, taken over, given back (hazards 14, 15, 18, 19, 20)."""

from __future__ import annotations

import gc
import threading
from collections import deque
from typing import TYPE_CHECKING

import pytest

from ragkernel.errors import ConnectionMisused, PoolTimeout, QueryFailed, ServiceClosed

from .support import count_notes, make_database, run_threads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ragkernel.core.database import Database

FILL = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
    " INSERT INTO notes (body) SELECT 'note ' || i FROM n"
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with make_database(tmp_path / "notes.db") as opened:
        with opened.write() as writer:
            writer.execute(FILL)
        yield opened


def test_a_thread_gets_its_own_connection_again(database: Database) -> None:
    """Successive scopes of one thread use one connection; another thread has another one."""
    seen = []
    for _ in range(3):
        with database.read() as conn:
            seen.append(conn.connection)
    assert seen[0] is seen[1] is seen[2]
    others = []

    def look() -> None:
        with database.read() as conn:
            others.append(conn.connection)

    with database.read():
        run_threads([look])
    assert others[0] is not seen[0]


def test_a_scope_inside_a_scope_is_the_same_snapshot(database: Database) -> None:
    """Nested reads of one thread see one moment, whatever commits meanwhile."""
    with database.read() as outer:
        before = outer.execute("SELECT count(*) FROM notes")[0]
        run_threads([lambda: add_note(database)])
        with database.read() as inner:
            assert inner is outer
            assert inner.execute("SELECT count(*) FROM notes")[0] == before
        assert outer.execute("SELECT count(*) FROM notes")[0] == before
    assert count_notes(database) == 101


def look(database: Database) -> None:
    assert count_notes(database) >= 0


def add_note(database: Database) -> None:
    with database.write() as writer:
        writer.execute("INSERT INTO notes (body) VALUES ('x')")


def test_the_snapshot_is_taken_on_entry(database: Database) -> None:
    """A commit after the entry of a read scope and before its first statement is not seen: BEGIN alone would
    pin nothing."""
    with database.read() as conn:
        run_threads([lambda: add_note(database)])
        assert conn.execute("SELECT count(*) FROM notes")[0] == (100,)


def test_without_a_snapshot_each_statement_sees_the_newest_commit(database: Database) -> None:
    """A leased reader outside a snapshot follows the commits; a snapshot inside it ends with its own scope."""
    with database.read(snapshot=False) as conn:
        assert conn.execute("SELECT count(*) FROM notes")[0] == (100,)
        run_threads([lambda: add_note(database)])
        assert conn.execute("SELECT count(*) FROM notes")[0] == (101,)
        with database.read() as pinned:
            run_threads([lambda: add_note(database)])
            assert pinned.execute("SELECT count(*) FROM notes")[0] == (101,)
        assert conn.execute("SELECT count(*) FROM notes")[0] == (102,)


def test_the_pool_is_bounded_and_names_its_holders(tmp_path: Path) -> None:
    """With all readers leased the next one times out, and the error names each holder and its statement."""
    with make_database(tmp_path / "notes.db", pool_size=2, pool_timeout=0.05) as database:
        barrier, done = threading.Barrier(3), threading.Event()

        def hold() -> None:
            with database.read() as conn:
                conn.execute("SELECT 'first held'")
                barrier.wait(30)
                done.wait(30)

        threads = [threading.Thread(target=hold, name=f"holder-{number}") for number in range(2)]
        for thread in threads:
            thread.start()
        barrier.wait(30)
        with pytest.raises(PoolTimeout) as caught, database.read():
            pass
        done.set()
        for thread in threads:
            thread.join(30)
        for part in ("holder-0", "holder-1", "first held"):
            assert part in str(caught.value)
        assert database.pool.open == 2
        assert count_notes(database) == 0


def test_a_waiter_gets_the_reader_that_is_given_back(tmp_path: Path) -> None:
    """A thread that waits for a full pool goes on as soon as a scope ends.

    main     leased ────────── (one waits) ── leaves
    waiter            read() waits ················ reads
    """
    with make_database(tmp_path / "notes.db", pool_size=1) as database:
        counts: list[int] = []
        with database.read():
            waiter = threading.Thread(target=lambda: counts.append(count_notes(database)))
            waiter.start()
            while database.pool.waiting == 0:
                pass
        waiter.join(30)
        assert counts == [0]
        assert database.pool.timeouts == 0


def test_a_reader_given_back_while_joining_the_queue_is_not_missed(tmp_path: Path) -> None:
    """A reader that comes back between the look for one and the joining of the queue is found by the second look.

    holder   leased ─────────────── leaves (nobody waits yet)
    main          looks: none free ·························· joins the queue, looks again: gets it
    """
    with make_database(tmp_path / "notes.db", pool_size=1, pool_timeout=0.2) as database:
        inside, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with database.read():
                inside.set()
                leave.wait(30)

        holder = threading.Thread(target=hold)

        class Late(deque[threading.Lock]):
            def append(self, turn: threading.Lock) -> None:
                leave.set()
                holder.join(30)
                super().append(turn)

        holder.start()
        inside.wait(30)
        database.pool._waiters = Late()
        assert count_notes(database) == 0
        assert database.pool.timeouts == 0


def test_200_live_threads_in_turn_share_a_pool_of_10(tmp_path: Path) -> None:
    """Affinity is no lease: each of 200 living threads reads in turn, the pool stays at 10, and none waits."""
    with make_database(tmp_path / "notes.db", pool_size=10, pool_timeout=0.001) as database:
        turns = [threading.Event() for _ in range(201)]
        end = threading.Event()

        def take_turn(number: int) -> None:
            turns[number].wait(60)
            try:
                count_notes(database)
            finally:
                turns[number + 1].set()
            end.wait(60)

        turns[0].set()
        threads = [threading.Thread(target=take_turn, args=(number,)) for number in range(200)]
        for thread in threads:
            thread.start()
        turns[200].wait(60)
        assert database.pool.open == 10
        assert database.pool.timeouts == 0
        end.set()
        for thread in threads:
            thread.join(60)


def test_a_dead_threads_connection_is_free_at_once(tmp_path: Path) -> None:
    """A thread's reservation ends with the thread, with the collector off; its connection serves the next one."""
    gc.disable()
    try:
        with make_database(tmp_path / "notes.db", pool_size=2) as database:
            for _ in range(50):
                run_threads([lambda: look(database)])
            assert database.pool.open == 1
    finally:
        gc.enable()


def test_a_thread_that_dies_inside_a_scope_gives_its_reader_back(tmp_path: Path) -> None:
    """A scope that its thread never left does not take the reader with it, with the collector off (hazard 15)."""
    gc.disable()
    try:
        with make_database(tmp_path / "notes.db", pool_size=1, pool_timeout=0.5) as database:
            kept = []

            def abandon() -> None:
                kept.append(database.read())
                kept[-1].__enter__().execute("SELECT 1")

            for _ in range(3):
                run_threads([abandon])
            assert database.pool.active == 0
            assert count_notes(database) == 0
    finally:
        gc.enable()


def test_a_half_read_stream_pins_nothing_after_its_scope(database: Database) -> None:
    """A cursor that was left half read is closed with its scope and counted, so the WAL can be copied whole
    (hazards 19 and 20)."""
    with database.read(snapshot=False) as conn:
        stream = conn.stream("SELECT id, body FROM notes ORDER BY id", batch_size=10)
        assert len(next(stream)) == 10
    assert database.pool.leaked_cursors == 1
    with pytest.raises(ConnectionMisused):
        next(stream)
    add_note(database)
    result = database.checkpoint()
    assert result is not None
    assert result.complete


def test_a_stream_gives_all_rows_in_batches_and_closes_itself(database: Database) -> None:
    """A stream read to its end gives every row once, in batches of the size asked for, and leaks no cursor."""
    with database.read() as conn:
        batches = list(conn.stream("SELECT id FROM notes ORDER BY id", batch_size=30))
    assert [len(batch) for batch in batches] == [30, 30, 30, 10]
    assert [row[0] for batch in batches for row in batch] == list(range(1, 101))
    assert database.pool.leaked_cursors == 0


def test_a_stream_that_fails_translates_its_error(database: Database) -> None:
    """An error in the middle of a stream is a QueryFailed, like any other."""
    with database.read() as conn:
        stream = conn.stream(
            "SELECT abs(CASE WHEN id < 5 THEN id ELSE -9223372036854775808 END) FROM notes", batch_size=2
        )
        with pytest.raises(QueryFailed, match="overflow"):
            list(stream)


def test_a_result_holds_no_cursor(database: Database) -> None:
    """What execute returns is fetched already: it outlives its scope, reads like a list and like a cursor."""
    with database.read() as conn:
        result = conn.execute("SELECT id, body FROM notes WHERE id <= ? ORDER BY id", (3,))
    assert result.columns == ("id", "body")
    assert result.fetchone() == (1, "note 1")
    assert result.fetchall() == [(2, "note 2"), (3, "note 3")]
    assert result.fetchone() is None
    assert [row[0] for row in result] == [1, 2, 3]


def test_closing_refuses_new_scopes_and_waits_for_open_ones(tmp_path: Path) -> None:
    """close() lets a running scope end, and everything after it gets ServiceClosed.

    reader   in its scope ········· reads ─ leaves
    main                close(): waits ············ closed
    """
    database = make_database(tmp_path / "notes.db")
    inside, finish = threading.Event(), threading.Event()
    counts = []

    def read() -> None:
        with database.read() as conn:
            inside.set()
            finish.wait(30)
            counts.append(conn.execute("SELECT count(*) FROM notes")[0][0])

    reader = threading.Thread(target=read)
    reader.start()
    inside.wait(30)
    closer = threading.Thread(target=database.close)
    closer.start()
    while not database._closed:
        pass
    with pytest.raises(ServiceClosed), database.read():
        pass
    with pytest.raises(ServiceClosed), database.write():
        pass
    finish.set()
    reader.join(30)
    closer.join(30)
    assert counts == [0]
    assert database.pool.open == 0
    database.close()


def test_a_reader_that_outlives_close_is_closed_when_its_scope_ends(tmp_path: Path) -> None:
    """A scope that is still open when close() has waited long enough loses its connection at its own end, no later."""
    database = make_database(tmp_path / "notes.db", pool_timeout=0.05)
    inside, finish = threading.Event(), threading.Event()

    def read() -> None:
        with database.read():
            inside.set()
            finish.wait(30)

    reader = threading.Thread(target=read, name="late")
    reader.start()
    inside.wait(30)
    with pytest.raises(PoolTimeout, match=r"read scopes are still open after 0.05 s.*thread 'late' for \d+\.\d s"):
        database.close()
    assert database.pool.open == 1
    finish.set()
    reader.join(30)
    assert database.pool.open == 0
