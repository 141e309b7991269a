"""Opening a file: the bootstrap, what is refused, and what no caller can undo (hazards 7, 8, 9, 17, 19, 24, 29)."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ragkernel.core import connection as connection_module
from ragkernel.core import copy, pragmas
from ragkernel.core.connection import Connection, open_connection, open_plain
from ragkernel.core.pragmas import CHECKPOINTER, MAINTENANCE, READER, WRITER, Pragma, Settings
from ragkernel.errors import (
    ConfigurationError,
    ConnectionFailed,
    DatabaseBusy,
    ForeignApplication,
    NotADatabase,
    NotAuthorized,
    QueryFailed,
)

from .support import SMALL, finish, make_database, start_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database file with one table."""
    with make_database(tmp_path / "notes.db") as database:
        return database.path


OPENERS: dict[str, Callable[[str], Connection]] = {
    **{
        role: lambda path, role=role: open_connection(path, role, SMALL)[0]  # type: ignore[misc]
        for role in (WRITER, READER, CHECKPOINTER, MAINTENANCE)
    },
    "plain": open_plain,
    "immutable": lambda path: open_plain(path, immutable=True),
    "created": lambda path: open_plain(path + ".new", create=True),
}


@pytest.mark.parametrize("kind", OPENERS)
def test_no_connection_checkpoints_by_itself(path: str, kind: str) -> None:
    """Every kind of connection that the kernel opens has SQLite's automatic checkpoints off (hazard 22)."""
    connection = OPENERS[kind](path)
    try:
        assert connection.run_kernel("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    finally:
        connection.close()


def test_noting_a_restore_copies_nothing_back(tmp_path: Path) -> None:
    """The commits that note a restore, and its end, leave a long WAL of another connection alone (hazard 22)."""
    path = str(tmp_path / "notes.db")
    with make_database(tmp_path / "notes.db", databases=("app_meta",)) as database:
        database.migrate()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA wal_autocheckpoint = 0")
    other.execute("CREATE TABLE large AS SELECT zeroblob(8000000)")
    before = os.stat(path).st_size
    copy.note_restoring(path, "manifest")
    copy.note_restoring(path, None)
    assert os.stat(path).st_size == before
    other.close()


@pytest.mark.parametrize("role", [WRITER, READER, CHECKPOINTER, MAINTENANCE])
@pytest.mark.parametrize("level", ["NORMAL", "FULL"])
def test_every_pragma_of_the_bootstrap_holds(path: str, role: str, level: str) -> None:
    """Asked by another question than the bootstrap's own, each setting of each role is what the table says."""
    settings = Settings(synchronous=level, cache_size_kib=2000, mmap_size=65536, busy_timeout_ms=1234)
    connection, capped = open_connection(path, role, settings)
    try:
        names = [entry.name for entry in pragmas.bootstrap_table(role, settings)]
        got = {name: connection.run_kernel(f"PRAGMA {name}").fetchone()[0] for name in ["journal_mode", *names]}
    finally:
        connection.close()
    expected = {
        "journal_mode": "wal",
        "synchronous": {"NORMAL": 1, "FULL": 2}[level],
        "cache_size": -2000,
        "temp_store": 2,
        "mmap_size": 65536,
        "busy_timeout": {WRITER: 20, CHECKPOINTER: 0}.get(role, 1234),
        "wal_autocheckpoint": 0,
        "journal_size_limit": 64 * 1024 * 1024,
        "read_uncommitted": 0,
        "foreign_keys": 1,
        "recursive_triggers": 0,
        "trusted_schema": 0,
        "cell_size_check": 1,
    }
    if role == READER:
        expected["query_only"] = 1
    for entry in capped:
        expected.pop(entry.name)
        got.pop(entry.name)
    assert got == expected


def test_a_misspelt_value_fails_the_opening(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`synchronous=fulll`, which SQLite silently takes for NORMAL, is found when it is read back (hazard 7)."""

    def misspelt(role: str, settings: Settings) -> Iterator[Pragma]:
        yield Pragma("synchronous", "fulll", 2, True, "a slip of the pen")

    monkeypatch.setattr(pragmas, "bootstrap_table", misspelt)
    with pytest.raises(ConfigurationError, match="synchronous is 1 after it was set to fulll"):
        open_connection(path, WRITER, SMALL)


def test_a_misspelt_name_fails_the_opening(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PRAGMA that does not exist gives no row, which is no match (hazard 7)."""

    def misspelt(role: str, settings: Settings) -> Iterator[Pragma]:
        yield Pragma("foreign_key", "1", 1, True, "a slip of the pen")

    monkeypatch.setattr(pragmas, "bootstrap_table", misspelt)
    with pytest.raises(ConfigurationError, match="foreign_key "):
        open_connection(path, WRITER, SMALL)


def test_a_capped_setting_is_reported(path: str) -> None:
    """A size that SQLite does not take as given is reported with what was asked and what came."""
    connection, capped = open_connection(path, READER, Settings(mmap_size=2**60))
    connection.close()
    assert [entry.name for entry in capped] == ["mmap_size"]
    assert capped[0].asked == 2**60
    assert capped[0].got < 2**60


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA writable_schema = ON",
        "PRAGMA query_only = OFF",
        "PRAGMA synchronous = OFF",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA optimize",
        "ATTACH ':memory:' AS other",
        "DETACH main",
    ],
)
@pytest.mark.parametrize("kind", ["read", "write"])
def test_settings_belong_to_the_kernel(tmp_path: Path, sql: str, kind: str) -> None:
    """ATTACH and PRAGMAs that change or run something are refused in a caller's own SQL (hazard 9)."""
    with make_database(tmp_path / "notes.db") as database:
        scope = database.read() if kind == "read" else database.write()
        with scope as conn, pytest.raises(NotAuthorized):
            conn.execute(sql)


@pytest.mark.parametrize("sql", ["PRAGMA table_info(notes)", "PRAGMA synchronous", "PRAGMA page_count"])
def test_looking_at_settings_is_everybodys(tmp_path: Path, sql: str) -> None:
    """PRAGMAs that only tell something stay open to a caller's own SQL."""
    with make_database(tmp_path / "notes.db") as database, database.read() as conn:
        assert conn.execute(sql)


def test_a_hostile_schema_cannot_call_unsafe_functions(tmp_path: Path) -> None:
    """A view that calls a function not marked as harmless fails, because the schema is not trusted (hazard 9)."""
    with make_database(tmp_path / "notes.db") as database:
        with database.write() as writer:
            writer.execute("CREATE VIEW trap AS SELECT unsafe(id) FROM notes")
            writer.execute("INSERT INTO notes (body) VALUES ('x')")
        with database.read() as conn:
            conn.connection.create_function("unsafe", 1, lambda value: value)
            with pytest.raises(QueryFailed, match="unsafe use"):
                conn.execute("SELECT * FROM trap")


def test_attach_is_off_by_limit_too(path: str) -> None:
    """All connections but the one for VACUUM have an attach limit of 0 (hazard 9)."""
    for role in (WRITER, READER, CHECKPOINTER, MAINTENANCE):
        connection, _ = open_connection(path, role, SMALL)
        assert connection.getlimit(sqlite3.SQLITE_LIMIT_ATTACHED) == (1 if role == MAINTENANCE else 0)
        connection.close()


def test_vacuum_works_though_attach_is_denied(tmp_path: Path) -> None:
    """VACUUM and VACUUM INTO, which attach inside, run on a connection of their own that is closed afterwards."""
    with make_database(tmp_path / "notes.db") as database:
        database.vacuum()
        database.vacuum(str(tmp_path / "compact.db"))
        with database.read() as conn, pytest.raises(NotAuthorized):
            conn.execute("ATTACH ':memory:' AS other")
    assert (tmp_path / "compact.db").stat().st_size > 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Connection.setconfig came with Python 3.12")
def test_double_quotes_never_make_a_string(tmp_path: Path) -> None:
    """A double-quoted word that names nothing is an error, where Python can switch it so (hazard 8)."""
    with make_database(tmp_path / "notes.db") as database, database.read() as conn:
        with pytest.raises(QueryFailed, match="no such column"):
            conn.execute('SELECT "nonsense"')
        with pytest.raises(QueryFailed, match="no such column"):
            conn.execute('SELECT id FROM notes WHERE body = "note"')


def test_timestamps_come_as_text(tmp_path: Path) -> None:
    """No converter of the module touches a column declared TIMESTAMP or DATE, whatever stands there (hazard 24)."""
    with make_database(tmp_path / "notes.db") as database:
        with database.write() as writer:
            writer.execute("CREATE TABLE moments (at TIMESTAMP, day DATE)")
            writer.execute("INSERT INTO moments VALUES ('2026-01-02T03:04:05+00:00', 'not a day')")
        with database.read() as conn:
            assert conn.execute("SELECT at, day FROM moments").fetchone() == ("2026-01-02T03:04:05+00:00", "not a day")


def test_files_are_private(tmp_path: Path) -> None:
    """The database, its -wal and its -shm are created 0600, whatever the umask."""
    previous = os.umask(0)
    try:
        with make_database(tmp_path / "notes.db"):
            modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in os.listdir(tmp_path)}
    finally:
        os.umask(previous)
    assert modes == {"notes.db": 0o600, "notes.db-wal": 0o600, "notes.db-shm": 0o600}


def test_another_applications_file_is_refused(tmp_path: Path) -> None:
    """A database with another application_id is refused by name and not touched."""
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("PRAGMA application_id = 1234")
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(ForeignApplication, match="0x000004d2"):
        make_database(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["other.db"]


def test_what_cannot_be_a_database_has_its_own_error(tmp_path: Path) -> None:
    """A folder, a missing folder, a text file and a damaged header each fail with an error that says so."""
    with pytest.raises(ConnectionFailed, match="folder"):
        make_database(tmp_path)
    with pytest.raises(ConnectionFailed, match="its folder does not exist"):
        make_database(tmp_path / "missing" / "notes.db")
    text = tmp_path / "text.db"
    text.write_text("This is no database, only a text that is long enough to be looked at. " * 100)
    with pytest.raises(NotADatabase):
        make_database(text)
    assert text.read_text().startswith("This is no database")


def test_a_read_only_folder_has_its_own_error(ordinary_user: Path) -> None:
    """A folder that may not be written is named as the reason, for a new database and for one that is there."""
    make_database(ordinary_user / "old.db").close()
    ordinary_user.chmod(0o500)
    with pytest.raises(ConnectionFailed, match="permission denied"):
        make_database(ordinary_user / "notes.db")
    with pytest.raises(ConnectionFailed, match="may not be written"):
        make_database(ordinary_user / "old.db")


@pytest.mark.parametrize("name", ["with space.db", "per%cent.db", "que?stion#.db", "naïve-é.db", "file:uri.db"])
def test_every_file_name_works(tmp_path: Path, name: str) -> None:
    """Characters that mean something in a URI are part of the name here."""
    with make_database(tmp_path / name):
        assert name in os.listdir(tmp_path)
    assert os.listdir(tmp_path) == [name]


def test_the_switch_to_wal_waits_for_a_lock(tmp_path: Path) -> None:
    """A file in DELETE mode that another program has locked is switched to WAL once it is released (hazard 29).

    other   EXCLUSIVE ───────────── asked ── COMMIT
    this              opening: tries ············ switched
    """
    path = str(tmp_path / "notes.db")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN EXCLUSIVE")
    failures: list[BaseException] = []

    def open_it() -> None:
        try:
            make_database(tmp_path / "notes.db", SMALL._replace(busy_timeout_ms=30_000)).close()
        except BaseException as error:
            failures.append(error)

    asked = threading.Event()
    real = pragmas._patiently

    def watched(connection: connection_module.Connection, sql: str, *rest: Any, **more: Any) -> tuple[Any, ...]:
        asked.set()
        return real(connection, sql, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pragmas, "_patiently", watched)
        thread = threading.Thread(target=open_it)
        thread.start()
        asked.wait(30)
        other.execute("COMMIT")
        thread.join(30)
    other.close()
    assert not failures
    header = Path(path).read_bytes()[18:20]  # https://www.sqlite.org/fileformat2.html: 2 and 2 say WAL
    assert header == b"\x02\x02"


def test_the_switch_to_wal_fails_loudly(tmp_path: Path) -> None:
    """Where the lock is not released within the busy timeout the opening fails; the store is never left in DELETE mode
    (hazard 29)."""
    other = sqlite3.connect(tmp_path / "notes.db", isolation_level=None)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DatabaseBusy):
        make_database(tmp_path / "notes.db")
    other.close()


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library below the minimum is a ConfigurationError that names both versions, and no file is made."""
    monkeypatch.setattr(connection_module, "MINIMUM_SQLITE", (4, 0, 0))
    with pytest.raises(ConfigurationError, match=r"too old, 4\.0\.0"):
        make_database(tmp_path / "notes.db")
    assert os.listdir(tmp_path) == []


def test_the_live_file_is_opened_by_nobody_but_sqlite(tmp_path: Path) -> None:
    """From the first connection to the last, no Python code opens the database, its -wal or its -shm (hazard 17).

    The audit hook sees every open() and os.open() of the process; SQLite's own are not Python's.
    """
    script = """
        import os, sys
        import ragkernel
        path = sys.argv[1]
        probe = path + "-probe"
        open(probe, "w").close()
        live, seen = [False], []
        def watch(event, arguments):
            if live[0] and event == "open" and isinstance(arguments[0], (str, bytes)):
                name = os.fsdecode(arguments[0])
                if os.path.abspath(name) in (path, path + "-wal", path + "-shm", path + "-journal", probe):
                    seen.append(name)
        sys.addaudithook(watch)
        service = ragkernel.open(path)
        live[0] = True
        open(probe).close()                                 # the watch itself works
        assert seen == [probe]; seen.clear()
        with service.write() as conn:
            conn.execute("INSERT INTO settings (key, value) VALUES ('a', 'b')")
        backup = service.backup_databases()[0]
        service.restore(backup.path, path + ".beside")
        service.restore(backup.path)
        service.vacuum()
        service.health_check(deep=True)
        again = ragkernel.open(path)
        again.close()
        service.close()
        print(seen)
    """
    assert finish(start_python(script, str(tmp_path / "app_meta.db"))) == "[]\n"


def test_closing_leaves_no_wal_behind(tmp_path: Path) -> None:
    """With a cursor left half read, closing still leaves one complete file (hazard 19)."""
    database = make_database(tmp_path / "notes.db")
    with database.write() as writer:
        for _ in range(20):
            writer.execute("INSERT INTO notes (body) VALUES ('x')")
    with database.read() as conn:
        stream = conn.stream("SELECT id FROM notes", batch_size=5)
        next(stream)
    database.close()
    assert os.listdir(tmp_path) == ["notes.db"]
