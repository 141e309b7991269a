"""KeyboardInterrupt at any place: no lock is left held, no scope left open, nothing acknowledged lost."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .support import count_notes, finish, make_database, run_threads, start_python

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from ragkernel.core.database import Database


def test_a_write_scope_that_nobody_leaves_is_rolled_back(tmp_path: Path) -> None:
    """A scope that is dropped without its exit (an interrupt hit the exit's first instruction) undoes its transaction
    and leaves the queue; the next write is a transaction of its own and not a savepoint of the dead one."""
    with make_database(tmp_path / "notes.db") as database:
        scope = database.write()
        scope.__enter__().execute("INSERT INTO notes (body) VALUES ('dropped')")
        del scope
        assert not database.writer.queue.held_by_me
        with database.write() as writer:
            writer.execute("INSERT INTO notes (body) VALUES ('kept')")
        run_threads([lambda: add(database)])
        assert count_notes(database) == 2


def add(database: Database) -> None:
    with database.write() as writer:
        writer.execute("INSERT INTO notes (body) VALUES ('kept too')")


def test_a_nested_scope_that_nobody_leaves_is_undone_alone(tmp_path: Path) -> None:
    """A dropped inner scope undoes its own rows; the outer one commits the rest."""
    with make_database(tmp_path / "notes.db") as database:
        with database.write() as writer:
            writer.execute("INSERT INTO notes (body) VALUES ('kept')")
            inner = database.write()
            inner.__enter__().execute("INSERT INTO notes (body) VALUES ('dropped')")
            del inner
        with database.read() as conn:
            assert conn.execute("SELECT body FROM notes").fetchall() == [("kept",)]


def test_a_read_scope_that_nobody_leaves_gives_its_reader_back(tmp_path: Path) -> None:
    """After a dropped read scope the thread's next one has a snapshot of its own."""
    with make_database(tmp_path / "notes.db", pool_size=1) as database:
        scope = database.read()
        scope.__enter__()
        del scope
        assert database.pool.active == 0
        add(database)
        assert count_notes(database) == 1


def test_interrupts_at_any_moment_lose_nothing_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 interrupts in a loop of writes and reads: every row whose scope was left is there, the queue and the pool
    are free afterwards, and another thread can write."""
    script = """
        import signal, sys, threading
        from pathlib import Path
        from ragkernel.errors import NotAuthorized
        from tests.core.support import make_database, count_notes
        database = make_database(Path(sys.argv[1]))
        acknowledged, interrupts, number = [], 0, 0
        def work():
            global number
            number += 1
            with database.write() as conn:
                conn.change("INSERT INTO notes (id, body) VALUES (?, 'x')", (number,))
            acknowledged.append(number)
            with database.read() as conn:
                conn.fetch_one("SELECT id FROM notes WHERE id = ?", (number,))
        work()
        database.checkpoint()
        armed = False
        def interrupt(number, frame):
            if armed:  # never outside of the try below
                raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, interrupt)
        def attempt(delay):
            global armed
            armed = True
            signal.setitimer(signal.ITIMER_REAL, delay)
            while signal.getitimer(signal.ITIMER_REAL)[0]:
                work()
            work()  # the signal may have come, and the exception not yet
            armed = False
        for place in range(2000):  # one interrupt each, after 50 to 1250 microseconds
            try:
                attempt(0.00005 + place % 241 * 0.000005)
            except (KeyboardInterrupt, NotAuthorized):  # an interrupt inside the authorizer is a "no" to SQLite
                armed = False
                interrupts += 1
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        assert database.writer.queue.owner is None and database.writer.queue.waiting == 0
        assert database.pool.active == 0 and database.pool.open <= 1, (database.pool.active, database.pool.open)
        def write():
            with database.write() as conn:
                conn.change("INSERT INTO notes (id, body) VALUES (0, 'last')")
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        with database.read() as conn:
            stored = {row[0] for row in conn.fetch_all("SELECT id FROM notes")}
        assert 0 in stored
        lost = set(acknowledged) - stored
        assert not lost, sorted(lost)[:10]
        assert len(acknowledged) > 500 and interrupts > 1500, (len(acknowledged), interrupts)
        database.close()
        print("ok")
    """
    for name in [name for name in os.environ if name.startswith("COVERAGE")]:
        monkeypatch.delenv(name)  # measured code would be interrupted in the measuring
    assert finish(start_python(script, str(tmp_path / "notes.db"))) == "ok\n"
