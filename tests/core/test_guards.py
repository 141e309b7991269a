"""Guards for what happens once in a million transactions, each made to happen."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel.core import lease as lease_module
from ragkernel.core import pragmas
from ragkernel.core.connection import Connection
from ragkernel.errors import ConfigurationError, PoolTimeout, QueryFailed, TransactionDoomed
from ragkernel.operations import health

from .support import count_notes, make_database, record_statements, run_threads
from .test_transactions import cut_short

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ragkernel.core.database import Database

ADD = "INSERT INTO notes (body) VALUES ('x')"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with make_database(tmp_path / "notes.db", pool_size=1) as opened:
        yield opened


def error(kind: type[sqlite3.Error], code: int, name: str) -> sqlite3.Error:
    made = kind(name)
    made.sqlite_errorcode = code
    made.sqlite_errorname = name
    return made


def failing_once(monkeypatch: pytest.MonkeyPatch, statement: str, failure: sqlite3.Error) -> list[str]:
    """The kernel's next `statement` fails once; the list gets every one that is tried."""
    tried: list[str] = []
    real = Connection.run_kernel

    def run(self: Connection, sql: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        if sql == statement:
            tried.append(sql)
            if len(tried) == 1:
                raise failure
        return real(self, sql, parameters)

    monkeypatch.setattr(Connection, "run_kernel", run)
    return tried


def test_a_commit_that_is_busy_is_tried_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """COMMIT that meets a lock is repeated within busy_timeout, and the transaction is committed once."""
    busy = error(sqlite3.OperationalError, sqlite3.SQLITE_BUSY, "SQLITE_BUSY")
    tried = failing_once(monkeypatch, lease_module.COMMIT, busy)
    with database.write() as writer:
        writer.execute(ADD)
    assert len(tried) == 2
    assert count_notes(database) == 1


def test_a_begin_that_fails_gets_a_new_connection(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error at BEGIN that is no lock the connection is closed, and the next write opens another one."""
    connection = database.writer.connection()
    broken = error(sqlite3.DatabaseError, sqlite3.SQLITE_IOERR, "SQLITE_IOERR")
    failing_once(monkeypatch, lease_module.BEGIN_IMMEDIATE, broken)
    with pytest.raises(QueryFailed), database.write():
        pass
    with database.write() as writer:
        assert writer.connection is not connection
        writer.execute(ADD)
    assert count_notes(database) == 1


def test_foreign_keys_that_do_not_come_back_close_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When foreign keys cannot be switched on after a migration, no later write runs on that connection."""
    real = pragmas.set_foreign_keys

    def refuse(connection: Connection, enabled: bool) -> None:
        if enabled:
            raise ConfigurationError("PRAGMA foreign_keys did not take")
        real(connection, enabled)

    with ragkernel.SqlService(ragkernel.SqlConfig.test(tmp_path)) as service:
        with monkeypatch.context() as patch:
            patch.setattr(pragmas, "set_foreign_keys", refuse)
            service.run_migrations()
        with service.write() as conn:
            assert conn.execute("PRAGMA foreign_keys")[0] == (1,)


def test_the_sync_after_a_nested_durable_scope_writes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small commit at FULL really commits something: an empty one would sync nothing."""
    seen = record_statements(monkeypatch)
    with make_database(tmp_path / "notes.db") as database:
        seen.clear()
        with database.write() as writer, database.write(durable=True):
            writer.execute(ADD)
        texts = [sql for connection, sql in seen if connection is database.writer.connection()]
    full = texts.index("PRAGMA synchronous = FULL")
    assert texts[full - 1] == lease_module.COMMIT
    begin, *between, commit = texts[full + 1 : texts.index("PRAGMA synchronous = NORMAL")]
    assert (begin, commit) == (lease_module.BEGIN_IMMEDIATE, lease_module.COMMIT)
    assert any(sql.startswith("PRAGMA application_id = ") for sql in between)


def test_a_savepoint_left_after_a_swallowed_fatal_error_raises(database: Database) -> None:
    """A savepoint scope whose transaction SQLite has rolled back does not end as if nothing had happened."""
    with pytest.raises(TransactionDoomed), database.write() as writer:
        with pytest.raises(TransactionDoomed), writer.savepoint(), pytest.raises(QueryFailed):
            cut_short(writer)
        assert writer.doomed is not None
    assert count_notes(database) == 0


def test_a_waiter_gets_the_reader_of_a_thread_that_dies(database: Database) -> None:
    """A thread waiting for the only reader goes on when the one that has it ends without leaving its scope.

    holder   leased ──── sees the waiter ─ ends
    waiter         joins ····················· reads
    """
    kept: list[Any] = []
    inside = threading.Event()

    def hold() -> None:
        kept.append(database.read())
        kept[0].__enter__()
        inside.set()
        while database.pool.waiting == 0:
            pass

    def wait() -> None:
        inside.wait(30)
        assert count_notes(database) == 0

    run_threads([hold, wait])


def test_closing_interrupts_a_reader_that_does_not_come_back(tmp_path: Path) -> None:
    """A query that outlasts the wait of close() is cut by a typed error, in its own thread; close() names that one."""
    database = make_database(tmp_path / "notes.db", pool_timeout=0.05)
    inside = threading.Event()
    failures: list[QueryFailed] = []

    def read() -> None:
        with pytest.raises(QueryFailed) as caught, database.read() as conn:
            inside.set()
            conn.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")
        failures.append(caught.value)

    thread = threading.Thread(target=read, name="the-reader")
    thread.start()
    inside.wait(30)
    with pytest.raises(PoolTimeout, match="'the-reader'"):
        database.close()
    while not failures and thread.is_alive():
        for slot in database.pool._slots:  # the first interrupt may come before the statement has begun
            if slot.connection is not None:
                slot.connection.interrupt()
    thread.join(30)
    assert failures[0].code == sqlite3.SQLITE_INTERRUPT


def test_a_statement_has_a_limit_of_length(database: Database) -> None:
    """SQL of more than a million bytes is refused."""
    with database.read() as conn, pytest.raises(QueryFailed):
        conn.execute("SELECT " + "1 + " * 300_000 + "1")


def test_little_space_and_a_large_wal_degrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health names a disk that is nearly full, and a WAL of more than twice its limit."""
    config = ragkernel.SqlConfig.test(tmp_path, journal_size_limit=4096)
    with ragkernel.open(config.app_db_path, config) as service:
        with service.write() as conn:
            for number in range(50):
                ragkernel.queries.settings.insert(conn, key=str(number), value="x" * 1000)
        reasons = service.health_check().reasons
        assert any("more than twice its limit" in reason for reason in reasons)
        monkeypatch.setattr(health, "_LITTLE_SPACE", 2**62)
        assert any("of disk are left" in reason for reason in service.health_check().reasons)
