"""One file, several services and processes: what is shared, and what is refused."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel.core import pragmas
from ragkernel.core.lease import COMMIT
from ragkernel.core.pragmas import Settings
from ragkernel.errors import ConfigurationError, ConnectionFailed, FileReplaced, OutcomeUnknown, TransactionFailed

from .support import SMALL, count_notes, finish, make_database, record_statements, start_python

if TYPE_CHECKING:
    from ragkernel.core.connection import Connection


def test_a_second_service_needs_the_same_settings(tmp_path: Path) -> None:
    """What the file's connections share is fixed by the first opener; another value is refused with both named."""
    with make_database(tmp_path / "notes.db"):
        with pytest.raises(ConfigurationError, match=r"synchronous is FULL, .* open with NORMAL"):
            make_database(tmp_path / "notes.db", SMALL._replace(synchronous="FULL"))
        with pytest.raises(ConfigurationError, match=r"checkpoint_pages is 7, .* open with 1000"):
            make_database(tmp_path / "notes.db", checkpoint_pages=7)
        make_database(tmp_path / "notes.db", pool_size=1).close()
    make_database(tmp_path / "notes.db", SMALL._replace(synchronous="FULL")).close()


def test_a_path_relative_to_a_folder_that_changes_stays_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database opened by a relative path is the same file after a change of the working folder."""
    monkeypatch.chdir(tmp_path)
    with make_database(Path("notes.db")) as database:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert count_notes(database) == 0
        assert os.listdir(".") == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_cannot_use_what_was_open(tmp_path: Path) -> None:
    """In a forked child the parent's service, and a new one on the same file, are refused; the parent works on
    (hazard 16)."""
    script = """
        import os, sys
        from pathlib import Path
        from tests.core.support import make_database, count_notes
        from ragkernel.errors import ConnectionFailed
        database = make_database(Path(sys.argv[1]))
        def refused(action):
            try:
                action()
            except ConnectionFailed as error:
                return "forked" in str(error)
            return False
        child = os.fork()
        if child == 0:
            ok = refused(lambda: database.read()) and refused(lambda: database.write())
            ok = ok and refused(lambda: make_database(Path(sys.argv[1])))
            database.close()
            os._exit(0 if ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with database.write() as conn:
            conn.execute("INSERT INTO notes (body) VALUES ('x')")
        print(count_notes(database))
        database.close()
    """
    assert finish(start_python(script, str(tmp_path / "notes.db"))) == "1\n"


def test_durable_raises_the_level_for_one_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """write(durable=True) runs at FULL and the next transaction at NORMAL again."""
    seen = record_statements(monkeypatch)
    with make_database(tmp_path / "notes.db") as database:
        with database.write(durable=True) as writer:
            assert pragmas.synchronous(writer.connection) == "FULL"
        with database.write() as writer:
            assert pragmas.synchronous(writer.connection) == "NORMAL"
        seen.clear()
        with database.write() as writer, database.write(durable=True):
            writer.execute("INSERT INTO notes (body) VALUES ('x')")
        texts = [sql for connection, sql in seen if connection is database.writer.connection()]
    assert not any("kernel_state" in sql for sql in texts[: texts.index(COMMIT)])


def test_a_nested_durable_scope_is_synced_after_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """durable=True inside a transaction that began without it adds a commit at FULL before write() returns."""
    with ragkernel.open(tmp_path / "app_meta.db", ragkernel.SqlConfig.test(tmp_path)) as service:
        levels: list[str] = []
        real = pragmas.set_synchronous

        def watched(connection: Connection, level: str) -> None:
            levels.append(level)
            real(connection, level)

        monkeypatch.setattr(pragmas, "set_synchronous", watched)
        with service.write() as conn:
            conn.execute("INSERT INTO settings (key, value) VALUES ('a', 'b')")
            with service.write(durable=True):
                conn.execute("INSERT INTO settings (key, value) VALUES ('c', 'd')")
            assert levels == []
        assert levels == ["FULL", "NORMAL"]
        with service.read() as reader:
            assert reader.execute("SELECT count(*) FROM settings")[0] == (2,)


def test_an_io_error_at_commit_is_an_unknown_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an I/O error on COMMIT the error says so, the connection is retired and the next write works."""
    with make_database(tmp_path / "notes.db") as database:
        connection = database.writer.connection()
        real = type(connection).run_kernel

        def fail(self: Connection, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
            if sql.startswith("COMMIT"):
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
                raise error
            return real(self, sql, parameters)

        with monkeypatch.context() as patch:
            patch.setattr(type(connection), "run_kernel", fail)
            with pytest.raises(OutcomeUnknown, match="may have been committed"), database.write() as writer:
                writer.execute("INSERT INTO notes (body) VALUES ('x')")
        with database.write() as writer:
            writer.execute("INSERT INTO notes (body) VALUES ('y')")
            assert writer.connection is not connection
        with database.read() as conn:
            assert ("y",) in conn.execute("SELECT body FROM notes")


def test_maintenance_inside_a_transaction_is_refused(tmp_path: Path) -> None:
    """migrate, checkpoint and vacuum inside a write scope raise instead of deadlocking."""
    with make_database(tmp_path / "notes.db") as database, database.write():
        for action in (database.migrate, database.checkpoint, database.vacuum):
            with pytest.raises(TransactionFailed, match="inside a write transaction"):
                action()


def test_a_database_must_exist_where_none_is_to_be_made(tmp_path: Path) -> None:
    """create=False makes no file."""
    with pytest.raises(ConnectionFailed, match="does not exist"):
        make_database(tmp_path / "notes.db", create=False)
    assert os.listdir(tmp_path) == []


def test_a_killed_writer_leaves_only_what_it_committed(tmp_path: Path) -> None:
    """kill -9 in the middle of a transaction: what was acknowledged is there, what was not is gone.

    child   commits 1 ─ "committed" ─ writes 2, stays inside ─ killed
    this                                                        sees 1 and writes on
    """
    script = """
        import sys
        from pathlib import Path
        from tests.core.support import make_database
        database = make_database(Path(sys.argv[1]))
        with database.write() as conn:
            conn.execute("INSERT INTO notes (body) VALUES ('acknowledged')")
        with database.write() as conn:
            conn.execute("INSERT INTO notes (body) VALUES ('not acknowledged')")
            print("inside", flush=True)
            sys.stdin.readline()
    """
    child = start_python(script, str(tmp_path / "notes.db"))
    assert child.stdout is not None
    assert child.stdout.readline() == "inside\n"
    child.kill()
    child.communicate()
    with make_database(tmp_path / "notes.db") as database:
        with database.read() as conn:
            assert conn.execute("SELECT body FROM notes").fetchall() == [("acknowledged",)]
        with database.write() as writer:
            writer.execute("INSERT INTO notes (body) VALUES ('after')")
        assert count_notes(database) == 2


def test_the_default_settings_are_the_specifications() -> None:
    """Settings without arguments are the PRAGMAs of the specification."""
    assert Settings() == Settings("NORMAL", 64000, 134217728, 5000, 67108864)


def test_a_file_that_was_deleted_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits into a file that somebody deleted or replaced are not acknowledged for long: the next look fails, and so
    does close()."""
    monkeypatch.setattr("ragkernel.core.writer._LOOK_SECONDS", 0.0)
    database = make_database(tmp_path / "notes.db")
    for name in ("notes.db", "notes.db-wal", "notes.db-shm"):
        (tmp_path / name).unlink()
    with pytest.raises(FileReplaced, match="deleted or replaced"), database.write() as writer:
        writer.execute("INSERT INTO notes (body) VALUES ('x')")
    assert not database.writer.queue.held_by_me
    (tmp_path / "notes.db").touch()
    with pytest.raises(FileReplaced):
        database.require_same_file()
    with pytest.raises(FileReplaced):
        database.close()
    database.close()


def test_closing_beside_a_long_write_lets_it_commit(tmp_path: Path) -> None:
    """close() names a writer that outlasts the wait; that writer still commits, and its connection is closed then.

    writer   inside ················ told to go on ─ commits ─ closed
    main            close(): waits, raises ─┘
    """
    database = make_database(tmp_path / "notes.db", pool_timeout=0.05)
    inside, go_on = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            with database.write() as writer:
                inside.set()
                go_on.wait(30)
                writer.execute("INSERT INTO notes (body) VALUES ('late')")
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=write, name="a-slow-writer")
    thread.start()
    inside.wait(30)
    with pytest.raises(TransactionFailed, match="a-slow-writer"):
        database.close()
    go_on.set()
    thread.join(30)
    assert not failures
    assert os.listdir(tmp_path) == ["notes.db"]  # no -wal: the connection was closed
    with make_database(tmp_path / "notes.db") as again:
        assert count_notes(again) == 1


def test_opening_inside_a_write_says_what_is_wrong(tmp_path: Path) -> None:
    """Opening a second service that would migrate, inside a write scope on the same file, names that, and the first
    service goes on."""
    path = tmp_path / "app_meta.db"
    with ragkernel.open(path) as service:
        with service.write() as conn:
            with pytest.raises(TransactionFailed, match="migrate is called inside a write transaction"):
                ragkernel.open(path)
            conn.execute("INSERT INTO settings (key, value) VALUES ('a', 'b')")
        with service.read() as reader:
            assert reader.execute("SELECT count(*) FROM settings")[0] == (1,)
    assert os.listdir(tmp_path) == ["app_meta.db"]


def test_a_configuration_is_opened_as_it_is(tmp_path: Path) -> None:
    """open() takes a path, a path with a configuration, or a configuration alone; not two of them."""
    config = ragkernel.SqlConfig.test(tmp_path)
    with ragkernel.open(config) as service:
        assert service.config is config
        assert service.pending_migrations() == []
    with pytest.raises(ConfigurationError, match="two configurations"):
        ragkernel.open(config, config)


def test_a_read_only_file_is_named_as_such(ordinary_user: Path) -> None:
    """Opening a file that may not be written says so, with what to check."""
    make_database(ordinary_user / "notes.db").close()
    (ordinary_user / "notes.db").chmod(0o400)
    with pytest.raises(ConnectionFailed, match="may not be written"):
        make_database(ordinary_user / "notes.db")
