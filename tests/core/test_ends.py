"""Scopes and threads that end badly: nothing of theirs reaches those who come after."""

from __future__ import annotations

import gc
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest

from ragkernel.core import lease as lease_module
from ragkernel.core.writer import FileWriter
from ragkernel.errors import ConnectionMisused, FileReplaced, NotAuthorized, ServiceClosed, SqlError

from .support import count_notes, make_database, run_threads

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from ragkernel.core.database import Database

ADD = "INSERT INTO notes (body) VALUES (?)"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with make_database(tmp_path / "notes.db", pool_size=2) as opened:
        yield opened


def add(database: Database, body: str = "x") -> None:
    with database.write() as writer:
        writer.execute(ADD, (body,))


def test_a_thread_that_dies_inside_a_write_leaves_nothing(database: Database) -> None:
    """Its transaction is rolled back and the queue is free, with the collector off; a thread that gets the same number
    from the system is not taken for it, and what it writes is committed."""
    gc.disable()
    try:
        for round_ in range(20):
            kept: list[Any] = []

            def die(kept: list[Any] = kept) -> None:
                kept.append(database.write())
                kept[0].__enter__().execute(ADD, ("never",))

            run_threads([die])
            run_threads([lambda round_=round_: add(database, f"kept {round_}")])  # type: ignore[misc]
        assert count_notes(database) == 20
        assert database.writer.queue.owner is None
    finally:
        gc.enable()


def test_a_late_exit_of_a_dead_threads_scope_touches_nobody(database: Database) -> None:
    """A read scope and a write scope of a thread that ended, left afterwards by somebody else, end nothing."""
    reads: list[Any] = []
    writes: list[Any] = []

    def die() -> None:
        reads.append(database.read())
        reads[0].__enter__()
        writes.append(database.write())
        writes[0].__enter__()

    run_threads([die])
    with database.read() as reader, database.write() as writer:
        reads[0].__exit__(None, None, None)
        writes[0].__exit__(None, None, None)
        writer.execute(ADD, ("kept",))
        assert reader.execute("SELECT count(*) FROM notes")[0] == (0,)
    assert count_notes(database) == 1


def test_a_late_savepoint_exit_touches_no_other_transaction(database: Database) -> None:
    """A generator abandoned inside a savepoint and closed during a later transaction undoes nothing there."""

    def abandoned(writer: Any) -> Generator[None]:
        with writer.savepoint():
            yield

    with database.write() as writer:
        stale = abandoned(writer)
        next(stale)
    with database.write() as later, later.savepoint():
        later.execute(ADD, ("kept",))
        stale.close()
    assert count_notes(database) == 1


def test_a_snapshot_lasts_as_long_as_any_scope_that_asked(database: Database) -> None:
    """Two snapshot scopes of one thread that are left in the wrong order keep their snapshot to the last."""
    first, second = database.read(), database.read()
    first.__enter__()
    reader = second.__enter__()
    first.__exit__(None, None, None)
    run_threads([lambda: add(database)])
    assert reader.execute("SELECT count(*) FROM notes")[0] == (0,)
    second.__exit__(None, None, None)
    assert count_notes(database) == 1


def test_threads_that_close_at_once_close_once(tmp_path: Path) -> None:
    """Four threads closing one service do not close the writer under another service on the file."""
    for _ in range(50):
        with make_database(tmp_path / "notes.db") as other:
            database = make_database(tmp_path / "notes.db")
            barrier = threading.Barrier(4)

            def close(barrier: threading.Barrier = barrier, database: Database = database) -> None:
                barrier.wait(30)
                database.close()

            run_threads([close] * 4)
            assert other._shared.users == 1
            writer = other.writer
            with make_database(tmp_path / "notes.db") as third:
                assert third.writer is writer


def test_a_scope_made_before_close_is_refused_after_it(tmp_path: Path) -> None:
    """Entering a write scope of a closed service raises ServiceClosed and opens nothing."""
    database = make_database(tmp_path / "notes.db")
    scope = database.write()
    database.close()
    with pytest.raises(ServiceClosed):
        scope.__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.db"]


def test_a_reader_is_never_opened_on_another_file(tmp_path: Path) -> None:
    """Where the file was replaced, a new reader is refused instead of reading the other one."""
    database = make_database(tmp_path / "notes.db")
    for path in list(tmp_path.iterdir()):
        path.unlink()
    sqlite3.connect(tmp_path / "notes.db").close()
    (tmp_path / "notes.db").touch()
    with pytest.raises(FileReplaced), database.read():
        pass
    with pytest.raises(FileReplaced):
        database.close()


def test_a_kept_generator_of_a_lease_is_refused(database: Database) -> None:
    """A stream that outlives its scope raises at its next batch."""
    with database.read() as reader:
        stream = reader.stream("SELECT 1 UNION SELECT 2", batch_size=1)
        next(stream)
    with pytest.raises(ConnectionMisused):
        next(stream)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TEMP TABLE notes (x)",
        "CREATE TEMPORARY VIEW notes AS SELECT 1",
        "CREATE TABLE temp.notes (x)",
        "ROLLBACK /* ragkernel */",
        "/* x */ COMMIT",
        "END",
        "RELEASE ragkernel_1",
    ],
)
def test_a_caller_cannot_reach_beyond_its_scope(database: Database, sql: str) -> None:
    """Temporary objects, which would outlive the scope on its connection, and the kernel's own statements are denied
    in whatever spelling."""
    with database.write() as writer:
        writer.execute(ADD, ("kept",))
        with writer.savepoint(), pytest.raises(NotAuthorized):
            writer.execute(sql)
    assert count_notes(database) == 1
    assert lease_module.MARK not in sql


def test_waiting_threads_are_not_overtaken_by_the_one_that_has_it(tmp_path: Path) -> None:
    """With one reader, a thread that leases it in a loop gives way to one that waits.

    looper   lease, lease, lease ── sees a waiter ── its next lease waits behind
    waiter                     joins ················ reads
    """
    with make_database(tmp_path / "notes.db", pool_size=1) as database:
        turns: list[str] = []
        waiting, stop = threading.Event(), threading.Event()

        def loop() -> None:
            while not stop.is_set():
                with database.read():
                    if database.pool.waiting:
                        waiting.set()
                    turns.append("looper")

        def once() -> None:
            with database.read():
                turns.append("waiter")
            stop.set()

        run_threads([loop, once])
        after = turns[turns.index("waiter") :] if waiting.is_set() else []
        assert "waiter" in turns
        assert len(after) <= 10_000


def test_a_new_connection_goes_on_counting_pages(tmp_path: Path) -> None:
    """After the writer connection was retired checkpoints come as before (a new one counts its changes from 0)."""
    with make_database(tmp_path / "notes.db", checkpoint_pages=50) as database:
        with database.write() as writer:
            writer.change_many(ADD, (("x",) for _ in range(20_000)))
        database.exclusively("retire", FileWriter.retire)
        before = database.writer.checkpointer.runs
        for _ in range(500):
            add(database, "x" * 2000)
        assert database.writer.checkpointer.runs > before


def test_large_commits_are_checkpointed_before_the_ratio_is_known(tmp_path: Path) -> None:
    """A few commits of a megabyte each do not grow the WAL far beyond its threshold."""
    with make_database(tmp_path / "notes.db", checkpoint_pages=1000) as database:
        for _ in range(60):
            add(database, "x" * 1_000_000)
        assert (tmp_path / "notes.db-wal").stat().st_size < 24 * 2**20


def test_a_damaged_file_at_a_checkpoint_does_not_fail_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever error SQLite has at a checkpoint's BEGIN is kept for health; the commit before it stands."""
    with make_database(tmp_path / "notes.db", checkpoint_pages=1) as database:
        connection = database.writer.connection()
        real = type(connection).run_kernel
        calls: list[str] = []

        def fail(self: Any, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
            calls.append(sql)
            if sql == lease_module.BEGIN_IMMEDIATE and calls.count(sql) == 2:
                raise sqlite3.DatabaseError("database disk image is malformed")
            return real(self, sql, parameters)

        with monkeypatch.context() as patch:
            patch.setattr(type(connection), "run_kernel", fail)
            add(database, "x" * 100_000)
        assert isinstance(database.writer.checkpointer.failure, SqlError)
        assert count_notes(database) == 1
