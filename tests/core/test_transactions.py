"""Write transactions: what is kept, what is undone, and what SQLite undoes by itself (hazards 1 to 6)."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from ragkernel.errors import (
    CheckViolation,
    ConnectionMisused,
    ForeignKeyViolation,
    NotAuthorized,
    QueryFailed,
    ReadOnlyConnection,
    TransactionDoomed,
    TransactionFailed,
    UniqueViolation,
    WriterTimeout,
)

from .support import count_notes, finish, make_database, run_threads, start_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ragkernel.core.database import Database
    from ragkernel.core.lease import ReadConnection

ADD = "INSERT INTO notes (body) VALUES (?)"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with make_database(tmp_path / "notes.db") as opened:
        yield opened


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO notes (body) VALUES ('a')",
        "WITH new(body) AS (SELECT 'a') INSERT INTO notes (body) SELECT body FROM new",
        "CREATE TABLE more (id INTEGER PRIMARY KEY)",
    ],
    ids=["insert", "with-insert", "ddl"],
)
def test_every_statement_is_inside_the_transaction(database: Database, sql: str) -> None:
    """Whatever kind of statement runs in a write scope is undone when an exception leaves the scope (hazard 1)."""
    with database.read() as conn:
        before = conn.execute("SELECT count(*) FROM sqlite_schema")[0]
    with pytest.raises(KeyError), database.write() as writer:
        writer.execute(sql)
        raise KeyError
    assert count_notes(database) == 0
    with database.read() as conn:
        assert conn.execute("SELECT count(*) FROM sqlite_schema")[0] == before


def test_the_kernel_owns_every_begin(database: Database) -> None:
    """No connection has the module's implicit or automatic transactions on (hazards 1 and 2)."""
    with database.read() as reader, database.write() as writer:
        for lease in (reader, writer):
            assert lease.connection.isolation_level is None
            assert getattr(lease.connection, "autocommit", -1) == -1  # sqlite3.LEGACY_TRANSACTION_CONTROL


def test_a_write_scope_begins_immediately(database: Database) -> None:
    """The write lock is held from the entry of the scope, before any statement (hazard 4)."""
    other = sqlite3.connect(database.path, timeout=0, isolation_level=None)
    with database.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")
    other.close()


def test_read_then_write_in_two_processes_loses_no_update(tmp_path: Path) -> None:
    """400 read-modify-writes of two processes add up to 400, and none fails with BUSY_SNAPSHOT (hazard 4).

    this process   add 100 in each of two threads ─┐
    other process  add 100 in each of two threads ─┴─ the counter is 400
    """
    path = tmp_path / "notes.db"
    script = """
        import sys, threading
        from pathlib import Path
        from tests.core.support import make_database, run_threads
        from tests.core.test_transactions import add_hundred
        with make_database(Path(sys.argv[1]), busy_timeout=30.0, pool_timeout=60.0) as database:
            print("ready", flush=True); sys.stdin.readline()
            run_threads([lambda: add_hundred(database)] * 2)
    """
    with make_database(path, busy_timeout=30.0, pool_timeout=60.0) as database:
        with database.write() as writer:
            writer.execute("INSERT INTO notes (id, body) VALUES (1, '0')")
        other = start_python(script, str(path))
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        run_threads([lambda: add_hundred(database)] * 2)
        finish(other)
        with database.read() as conn:
            assert conn.execute("SELECT body FROM notes").fetchone() == ("400",)


def add_hundred(database: Database) -> None:
    for _ in range(100):
        with database.write() as writer:
            row = writer.fetch_one("SELECT body FROM notes WHERE id = 1")
            assert row is not None
            writer.change("UPDATE notes SET body = ? WHERE id = 1", (str(int(row[0]) + 1),))


def test_a_doomed_transaction_refuses_further_statements(database: Database) -> None:
    """After SQLite has rolled the transaction back by itself, nothing runs in autocommit behind it (hazard 5)."""
    with pytest.raises(TransactionDoomed) as caught, database.write() as writer:
        writer.execute(ADD, ("first",))
        with pytest.raises(QueryFailed) as interrupted:
            cut_short(writer)
        with pytest.raises(TransactionDoomed) as refused:
            writer.execute(ADD, ("second",))
        assert refused.value.__cause__ is interrupted.value
    assert caught.value.__cause__ is interrupted.value
    assert interrupted.value.code == sqlite3.SQLITE_INTERRUPT
    assert count_notes(database) == 0
    with database.write() as writer:
        writer.execute(ADD, ("third",))
    assert count_notes(database) == 1


def test_the_first_error_leaves_a_doomed_scope(database: Database) -> None:
    """The caller sees the error that doomed the transaction, when it is the one that leaves the scope."""
    with pytest.raises(QueryFailed, match="interrupted"), database.write() as writer:
        writer.execute(ADD, ("first",))
        cut_short(writer)
    assert count_notes(database) == 0


def test_a_savepoint_notices_that_its_transaction_is_gone(database: Database) -> None:
    """An inner scope that swallowed the fatal error fails, and so does the outer one (hazard 5)."""
    with pytest.raises(TransactionDoomed), database.write() as writer:
        writer.execute(ADD, ("outer",))
        with database.write() as inner, pytest.raises(QueryFailed):
            cut_short(inner)
    assert count_notes(database) == 0


def cut_short(writer: ReadConnection) -> None:
    """Interrupt an INSERT from its own progress handler: SQLite then rolls the whole transaction back."""
    connection = writer.connection
    connection.set_progress_handler(lambda: 1, 100)
    try:
        writer.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
            " INSERT INTO notes (body) SELECT i FROM n"
        )
    finally:
        connection.set_progress_handler(None, 0)


def test_a_constraint_error_undoes_its_own_scope_alone(database: Database) -> None:
    """A CHECK error inside a nested scope rolls that scope back; the outer one goes on and commits (hazard 6)."""
    with database.write() as writer:
        writer.execute(ADD, ("kept",))
        with pytest.raises(CheckViolation), database.write() as inner:
            inner.execute(ADD, ("undone",))
            inner.execute(ADD, ("",))
        writer.execute(ADD, ("kept too",))
    with database.read() as conn:
        assert conn.execute("SELECT body FROM notes ORDER BY id").fetchall() == [("kept",), ("kept too",)]


def test_a_caught_error_keeps_what_the_scope_wrote_before(database: Database) -> None:
    """A constraint error that the caller handles inside the scope undoes its statement and nothing else (hazard 6)."""
    with database.write() as writer:
        writer.execute("INSERT INTO notes (id, body) VALUES (1, 'a')")
        with pytest.raises(UniqueViolation):
            writer.execute("INSERT INTO notes (id, body) VALUES (1, 'b')")
    assert count_notes(database) == 1


def test_nested_scopes_are_savepoints_to_any_depth(database: Database) -> None:
    """Each scope that an exception leaves undoes its own rows and those inside it."""
    with database.write() as writer:
        writer.execute(ADD, ("1",))
        with pytest.raises(ZeroDivisionError), database.write() as second:
            second.execute(ADD, ("2",))
            with database.write() as third:
                third.execute(ADD, ("3",))
            raise ZeroDivisionError
        with database.write() as second:
            second.execute(ADD, ("4",))
    with database.read() as conn:
        assert conn.execute("SELECT body FROM notes ORDER BY id").fetchall() == [("1",), ("4",)]


def test_a_deferred_constraint_fails_at_commit_and_undoes_all(database: Database) -> None:
    """A deferred foreign key that is open at COMMIT is a ForeignKeyViolation, and the writer is free again."""
    with database.write() as writer:
        writer.execute(
            "CREATE TABLE tags (note INTEGER REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED, tag TEXT) STRICT"
        )
    with pytest.raises(ForeignKeyViolation), database.write() as writer:
        writer.execute("INSERT INTO tags VALUES (99, 'x')")
        writer.execute(ADD, ("lost with it",))
    assert count_notes(database) == 0
    with database.write() as writer:
        writer.execute(ADD, ("free again",))
    assert count_notes(database) == 1


@pytest.mark.parametrize("sql", ["COMMIT", "ROLLBACK", "BEGIN", "SAVEPOINT mine", "ATTACH ':memory:' AS other"])
def test_a_caller_cannot_end_the_transaction_by_sql(database: Database, sql: str) -> None:
    """Transaction control in a caller's own SQL is refused, and the transaction goes on."""
    with database.write() as writer:
        writer.execute(ADD, ("kept",))
        with pytest.raises(NotAuthorized):
            writer.execute(sql)
        writer.execute(ADD, ("kept too",))
    assert count_notes(database) == 2


def test_a_reader_cannot_write(database: Database) -> None:
    """Writing through a Reader is refused by SQLite for SQL and by the class for generated statements."""
    with database.read() as reader:
        with pytest.raises(ReadOnlyConnection):
            reader.execute(ADD, ("x",))
        with pytest.raises(ReadOnlyConnection):
            reader.change  # type: ignore[attr-defined]  # noqa: B018
        with pytest.raises(AttributeError, match="nonsense"):
            reader.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_a_lease_dies_with_its_scope(database: Database) -> None:
    """A connection that was kept beyond its block is refused, and so is one used by another thread (hazard 18)."""
    with database.write() as writer, database.read() as reader:

        def misuse() -> None:
            for lease in (writer, reader):
                with pytest.raises(ConnectionMisused, match="another thread"):
                    lease.execute("SELECT 1")

        run_threads([misuse])
    for lease in (writer, reader):
        with pytest.raises(ConnectionMisused, match="outside"):
            lease.execute("SELECT 1")
        with pytest.raises(ConnectionMisused, match="outside"):
            lease.fetch_one("SELECT 1")
        with pytest.raises(ConnectionMisused, match="outside"):
            list(lease.stream("SELECT 1"))
    with pytest.raises(ConnectionMisused, match="outside"):
        writer.change(ADD, ("x",))


def test_writers_are_served_in_order_of_arrival(database: Database) -> None:
    """Threads get the write queue in the order in which they joined it.

    main       holds the queue ············· release
    thread k   joins as number k ··· waits ·········· writes k
    """
    order: list[int] = []
    threads = []
    with database.write():
        for number in range(8):
            thread = threading.Thread(target=lambda number=number: append_in_turn(database, order, number))
            thread.start()
            threads.append(thread)
            while database.writer.queue.waiting <= number:
                pass
    for thread in threads:
        thread.join(30)
    assert order == list(range(8))


def append_in_turn(database: Database, order: list[int], number: int) -> None:
    with database.write() as writer:
        writer.execute(ADD, (str(number),))
        order.append(number)


def test_a_full_queue_times_out_and_names_the_holder(tmp_path: Path) -> None:
    """Who waits longer than the pool's timeout gets an error that names the thread in front, and harms nobody."""
    with make_database(tmp_path / "notes.db", pool_timeout=0.05) as database:
        holding, done = threading.Event(), threading.Event()

        def hold() -> None:
            with database.write() as writer:
                writer.execute(ADD, ("held",))
                holding.set()
                done.wait(30)

        holder = threading.Thread(target=hold, name="the-holder")
        holder.start()
        holding.wait(30)
        with pytest.raises(WriterTimeout, match=r"the-holder.* s in 'INSERT INTO notes"), database.write():
            pass
        with pytest.raises(WriterTimeout, match="the-holder"):
            database.checkpoint()
        done.set()
        holder.join(30)
        with database.write() as writer:
            writer.execute(ADD, ("after",))
        assert count_notes(database) == 2


def test_a_foreign_lock_times_out_within_busy_timeout(tmp_path: Path) -> None:
    """Where another program keeps the write lock, write() fails by WriterTimeout and works again afterwards."""
    with make_database(tmp_path / "notes.db", busy_timeout=0.05) as database:
        other = sqlite3.connect(database.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WriterTimeout, match="write lock") as caught, database.write():
            pass
        assert caught.value.code_name == "SQLITE_BUSY"
        other.execute("ROLLBACK")
        other.close()
        with database.write() as writer:
            writer.execute(ADD, ("x",))
        assert count_notes(database) == 1


def test_a_write_scope_waits_for_a_foreign_lock(database: Database) -> None:
    """A lock of another program that is released in time is waited for.

    other   BEGIN IMMEDIATE ─ holding ──── waiting.wait ─ COMMIT
    this                      write(): waits ·················· gets it
    """
    other = sqlite3.connect(database.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    entered = threading.Event()

    def write() -> None:
        entered.set()
        append_in_turn(database, [], 1)

    thread = threading.Thread(target=write)
    thread.start()
    entered.wait(30)
    while database.writer.queue.owner is None and thread.is_alive():
        pass  # the thread is at the head of the queue: what holds it now is the lock
    other.execute("COMMIT")
    thread.join(30)
    other.close()
    assert count_notes(database) == 1


def test_closing_inside_a_scope_is_refused(database: Database) -> None:
    """close() in the thread that is inside a scope raises, instead of waiting for itself."""
    with database.write(), pytest.raises(TransactionFailed, match="inside a scope"):
        database.close()
    with database.read(), pytest.raises(TransactionFailed, match="inside a scope"):
        database.close()


def test_bound_values_never_appear_in_an_error(database: Database) -> None:
    """No message, attribute, cause or context of an error holds a bound value (hazard 25)."""
    secret = "hunter2-secret"
    failing = [
        ("INSERT INTO notes (body) VALUES (json_extract('{}', ?))", (secret,)),
        ("SELECT nonsense FROM notes WHERE body = ?", (secret,)),
        ("INSERT INTO notes (id, body) VALUES (?, 'x')", (secret,)),
        ("INSERT INTO notes (body) VALUES (?)", (secret + "\ud800",)),
        ("INSERT INTO notes (id, body) VALUES (?, ?)", (2**63, secret)),
        ("INSERT INTO notes (id, body) VALUES (?)", (1, secret)),
        ("INSERT INTO notes (body) VALUES (?)", ([secret],)),
    ]
    for sql, parameters in failing:
        with pytest.raises(QueryFailed) as caught, database.write() as writer:
            writer.execute(sql, parameters)
        error = caught.value
        assert secret not in str(error) + repr(vars(error)) + repr(error.__cause__) + repr(error.__context__)
