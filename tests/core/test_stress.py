"""Pool and writer under stress: who holds what is named, nothing leaks, nobody starves."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel.core import database as database_module
from ragkernel.errors import PoolTimeout, SqlError, TransactionFailed, WriterTimeout

from .support import count_notes, finish, make_database, record_statements, run_threads, start_python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ragkernel.core.database import Database

ADD = "INSERT INTO notes (body) VALUES (?)"
SECRET = "a bound value"


def descriptors() -> int:
    """How many files this process has open; 0 where the system does not tell."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def add(database: Database, body: str = "x") -> None:
    with database.write() as writer:
        writer.execute(ADD, (body,))


def hold_reader(database: Database, inside: threading.Event, leave: threading.Event) -> None:
    with database.read() as conn:
        conn.execute("SELECT id FROM notes WHERE body = ?", (SECRET,))
        inside.set()
        leave.wait(30)


def hold_writer(database: Database, inside: threading.Event, leave: threading.Event) -> None:
    with database.write() as conn:
        conn.execute(ADD, (SECRET,))
        inside.set()
        leave.wait(30)


def read_one(database: Database) -> None:
    with database.read():
        pass


READING = "'SELECT id FROM notes WHERE body = ?'"
WRITING = "'INSERT INTO notes (body) VALUES (?)'"


@pytest.mark.parametrize(
    ("hold", "action", "kind", "statement"),
    [
        (hold_reader, read_one, PoolTimeout, READING),
        (hold_reader, lambda database: database.close(), PoolTimeout, READING),
        (hold_writer, add, WriterTimeout, WRITING),
        (hold_writer, lambda database: database.checkpoint(), WriterTimeout, WRITING),
        (hold_writer, lambda database: database.vacuum(), WriterTimeout, WRITING),
        (hold_writer, lambda database: database.migrate(), WriterTimeout, WRITING),
        (hold_writer, lambda database: database.close(), TransactionFailed, WRITING),
    ],
    ids=["read", "close-reader", "write", "checkpoint", "vacuum", "migrate", "close-writer"],
)
def test_every_timeout_names_who_holds_it(
    tmp_path: Path,
    hold: Callable[[Database, threading.Event, threading.Event], None],
    action: Callable[[Database], object],
    kind: type[SqlError],
    statement: str,
) -> None:
    """Whatever waited in vain says which thread has what it waited for, for how long, and in which statement, without
    the statement's values."""
    database = make_database(tmp_path / "notes.db", pool_size=1, pool_timeout=0.05)
    inside, leave = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold, args=(database, inside, leave), name="the holder")
    holder.start()
    inside.wait(30)
    with pytest.raises(kind, match=r"thread 'the holder' for \d+\.\d s in ") as caught:
        action(database)
    leave.set()
    holder.join(30)
    database.close()
    assert statement in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.hint or kind is WriterTimeout
    assert caught.value.path == database.path


def test_a_stream_left_half_read_in_a_write_scope_is_noticed(tmp_path: Path) -> None:
    """Its cursor is closed and counted when the scope ends, the transaction is committed, and the next one works."""
    with make_database(tmp_path / "notes.db") as database:
        with database.write() as conn:
            conn.change_many(ADD, [("x",)] * 10)
            stream = conn.stream("SELECT id FROM notes", batch_size=2)
            next(stream)
        assert database.writer.leaked_cursors == 1
        assert count_notes(database) == 10
        add(database)
        result = database.checkpoint()
        assert result is not None
        assert result.complete


def test_10000_threads_that_read_and_write_leave_no_descriptor(tmp_path: Path) -> None:
    """Threads that come and go, with the collector off, leave no more files open than a full pool and the writer."""
    with make_database(tmp_path / "notes.db") as database:
        barrier = threading.Barrier(database.pool.size)

        def read_together() -> None:
            with database.read():
                barrier.wait(30)

        run_threads([read_together] * database.pool.size)
        database.checkpoint()
        before = descriptors()
        gc.disable()
        try:
            for _ in range(1000):
                run_threads([lambda: add(database), *[lambda: read_one(database)] * 9])
        finally:
            gc.enable()
        assert descriptors() == before
        assert database.pool.open == database.pool.size
        assert count_notes(database) == 1000


def test_two_services_on_one_file_have_one_queue_in_order_of_arrival(tmp_path: Path) -> None:
    """Writers of both, however they come in turn, write in the order in which they came.

    first    holds the queue ····························· leaves
    thread k joins as number k, by the one or the other ······· writes k
    """
    first = make_database(tmp_path / "notes.db")
    second = make_database(tmp_path / "notes.db")
    assert second.writer is first.writer
    threads = []
    with first.write():
        for number in range(10):
            database = (first, second)[number % 3 == 0]
            threads.append(threading.Thread(target=add, args=(database, str(number))))
            threads[-1].start()
            while first.writer.queue.waiting <= number:
                pass
    for thread in threads:
        thread.join(30)
    with second.read() as conn:
        assert [row[0] for row in conn.execute("SELECT body FROM notes ORDER BY id")] == [str(n) for n in range(10)]
    first.close()
    add(second, "after the other has closed")
    second.close()


def test_writers_go_on_while_long_readers_have_the_whole_pool(tmp_path: Path) -> None:
    """With every reader leased, and others waiting for one in vain, writes are committed; each reader keeps its
    snapshot."""
    with make_database(tmp_path / "notes.db", pool_size=2, pool_timeout=0.5) as database:
        inside, leave = [threading.Event(), threading.Event()], threading.Event()
        counts: list[int] = []

        def hold(arrived: threading.Event) -> None:
            with database.read() as conn:
                arrived.set()
                leave.wait(30)
                counts.append(conn.execute("SELECT count(*) FROM notes")[0][0])

        holders = [threading.Thread(target=hold, args=(event,)) for event in inside]
        for thread in holders:
            thread.start()
        for event in inside:
            event.wait(30)

        def wait_in_vain() -> None:
            with pytest.raises(PoolTimeout):
                read_one(database)

        def write_on() -> None:
            while database.pool.waiting < 3:
                pass
            for _ in range(50):
                add(database)

        run_threads([wait_in_vain, wait_in_vain, wait_in_vain, write_on])
        leave.set()
        for thread in holders:
            thread.join(30)
        assert counts == [0, 0]
        assert count_notes(database) == 50
        assert database.pool.timeouts == 3


def test_services_opened_and_closed_at_once_leave_nothing(tmp_path: Path) -> None:
    """200 rounds of opening, writing, reading and closing one file in eight threads at once lose no write, and leave no
    descriptor, no lock, and no mark in the process."""
    path = tmp_path / "notes.db"
    make_database(path).close()
    before = descriptors()
    barrier = threading.Barrier(8)

    def rounds() -> None:
        for _ in range(25):
            barrier.wait(60)
            with make_database(path) as database:
                add(database)
                count_notes(database)

    run_threads([rounds] * 8)
    assert descriptors() == before
    assert not database_module._registry
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert other.execute("SELECT count(*) FROM notes").fetchone() == (200,)
    assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    other.execute("ROLLBACK")
    other.close()


COMMITTER = """
    import sys
    from pathlib import Path
    from tests.core.support import make_database
    with make_database(Path(sys.argv[1]), checkpoint_pages=8) as database:
        print("ready", flush=True)
        sys.stdin.readline()
        for turn in range(400):
            with database.write() as conn:
                conn.execute("INSERT INTO notes (body) VALUES (?)", (f"{sys.argv[2]} {turn}",))
        print(database.writer.checkpointer.runs)
"""


def test_processes_that_commit_and_checkpoint_lose_nothing(tmp_path: Path) -> None:
    """Three processes that commit at once, each checkpointing every few pages, keep every row, and the indexes agree
    with the table (hazard 22)."""
    path = tmp_path / "notes.db"
    with make_database(path) as database, database.write() as conn:
        conn.execute("CREATE UNIQUE INDEX notes_body ON notes (body)")
    processes = [start_python(COMMITTER, str(path), str(number)) for number in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert sum(int(finish(process)) for process in processes) > 20
    with make_database(path) as database, database.read() as conn:
        assert conn.execute("SELECT count(*) FROM notes")[0] == (1200,)
        assert conn.execute("SELECT count(*) FROM notes INDEXED BY notes_body WHERE body > ''")[0] == (1200,)
        assert conn.execute("PRAGMA integrity_check")[0] == ("ok",)


def test_no_statement_of_the_kernel_spans_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair's whole life attaches no file: what two attached files commit together a kill can tear apart."""
    seen = record_statements(monkeypatch)
    config = ragkernel.SqlConfig.split(tmp_path / "app_meta.db", tmp_path / "events.db")
    with ragkernel.SqlService(config) as service:
        service.run_migrations()
        service.events.append(("pipeline", "p"), [ragkernel.NewEvent(type="Made", data={})])
        with service.write() as conn:
            ragkernel.queries.settings.upsert(conn, key="a", value="b")
        service.restore(service.backup_databases()[0].path)
        service.vacuum()
        service.run_migrations(0)
    assert len(seen) > 100
    assert [sql for _, sql in seen if "ATTACH" in sql.upper()] == []


def test_many_threads_of_every_kind_at_once(tmp_path: Path) -> None:
    """Writers, savepoints undone, readers and threads that die in their scopes, all at once and more than the pool:
    what was acknowledged is there, once, and everything is free at the end."""
    with make_database(tmp_path / "notes.db", pool_size=3, pool_timeout=30.0) as database:
        kept: list[object] = []

        def write_on(number: int) -> None:
            for turn in range(30):
                with database.write() as writer:
                    writer.execute(ADD, (f"{number} {turn}",))
                    with pytest.raises(KeyError), database.write():
                        writer.execute(ADD, ("undone",))
                        raise KeyError

        def read_on(_: int) -> None:
            for _ in range(60):
                with database.read() as conn:
                    first = conn.execute("SELECT count(*) FROM notes")
                    assert conn.execute("SELECT count(*) FROM notes") == first

        def die(number: int) -> None:
            scope = database.write() if number % 2 else database.read()
            kept.append(scope)
            scope.__enter__().execute("SELECT count(*) FROM notes")

        actions = [(write_on, read_on, die)[number % 3] for number in range(24)]
        run_threads([lambda action=action, n=n: action(n) for n, action in enumerate(actions)])  # type: ignore[misc]
        assert count_notes(database) == 8 * 30
        assert database.writer.queue.owner is None
        assert database.pool.active == 0
        with database.read() as conn:
            assert conn.execute("SELECT count(DISTINCT body), max(body = 'undone') FROM notes")[0] == (240, 0)
