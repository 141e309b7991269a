"""The tree of errors, their texts, and the translation of what SQLite really raises."""

from __future__ import annotations

import inspect
import pickle
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragkernel
from ragkernel import errors
from ragkernel.errors import DecodeError, SqlError, ValueRefused, translate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
SPECIFIED = {
    "ConnectionFailed",
    "MigrationFailed",
    "QueryFailed",
    "BackupFailed",
    "TransactionFailed",
    "ConfigurationError",
}
SECRET = "s3cr3t-value"


def made(kind: type[SqlError]) -> SqlError:
    """An error of any kind of the tree."""
    if issubclass(kind, ValueRefused | DecodeError):
        return kind("documents", "title", "not text")
    return kind("it failed", operation="write", path="/data/a.db", code=5, code_name="SQLITE_BUSY", hint="try again")


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection to a database file with a few constraints."""
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as opened:
        opened.execute("PRAGMA foreign_keys = ON")
        opened.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
            "kind TEXT CHECK (kind IN ('good', 'bad')), parent INTEGER REFERENCES t (id))"
        )
        opened.execute("INSERT INTO t (id, name) VALUES (1, 'one')")
        yield opened


def provoked(conn: sqlite3.Connection, sql: str, values: Any = ()) -> SqlError:
    """The translation of the error that the statement raises."""
    with pytest.raises((sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeEncodeError)) as caught:
        conn.execute(sql, values).fetchall()
    return translate(caught.value, operation="try", path="/data/a.db", sql=sql)


def test_the_tree_has_the_specification_s_branches() -> None:
    """Directly below SqlError stand the six kinds of the specification, and every other error below one of them."""
    assert {kind.__name__ for kind in SqlError.__subclasses__()} == SPECIFIED
    assert all(issubclass(kind, SqlError) for kind in CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_says_when_it_is_raised(kind: type[SqlError]) -> None:
    """The docstring of each class is its contract; none inherits another's."""
    assert kind.__doc__
    assert "__doc__" in vars(kind)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_survives_pickling(kind: type[SqlError]) -> None:
    """An error raised in another process arrives with its type, text and every attribute."""
    error = made(kind)
    error.hint = "another hint"
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is kind
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_an_error_is_one_line_with_all_it_knows() -> None:
    """Message, operation, path, SQLite's name of the code and the hint, in this order."""
    assert str(made(errors.DatabaseBusy)) == "it failed [write; /data/a.db; SQLITE_BUSY] Hint: try again"
    assert str(SqlError("it failed")) == "it failed"
    assert str(SqlError("it failed", path="a.db")) == "it failed [a.db]"


def test_refused_and_foreign_values_name_table_and_column() -> None:
    """The error carries where the value was to go or stands, and what is wrong with it."""
    refused = ValueRefused("documents", "title", "a text with a NUL character", hint="remove it")
    assert (refused.table, refused.column, refused.reason) == ("documents", "title", "a text with a NUL character")
    assert str(refused) == "documents.title: a text with a NUL character [write documents] Hint: remove it"
    foreign = DecodeError("documents", "created_at", "no datetime", key="42")
    assert (foreign.table, foreign.column, foreign.key) == ("documents", "created_at", "42")
    assert str(foreign).startswith("documents.created_at (row 42): no datetime [read documents]")


@pytest.mark.parametrize(
    ("sql", "values", "kind", "name"),
    [
        ("INSERT INTO t VALUES (2, ?, 'good', NULL)", ["one"], errors.UniqueViolation, "SQLITE_CONSTRAINT_UNIQUE"),
        ("INSERT INTO t VALUES (1, ?, 'good', NULL)", [SECRET], errors.UniqueViolation, "SQLITE_CONSTRAINT_PRIMARYKEY"),
        ("INSERT INTO t VALUES (2, NULL, ?, NULL)", ["good"], errors.NotNullViolation, "SQLITE_CONSTRAINT_NOTNULL"),
        ("INSERT INTO t VALUES (2, 'a', ?, NULL)", [SECRET], errors.CheckViolation, "SQLITE_CONSTRAINT_CHECK"),
        ("INSERT INTO t VALUES (2, 'a', NULL, ?)", [9], errors.ForeignKeyViolation, "SQLITE_CONSTRAINT_FOREIGNKEY"),
        ("INSERT INTO t (id, name) VALUES (?, 'a')", [SECRET], errors.QueryFailed, "SQLITE_MISMATCH"),
        ("SELEC 1", [], errors.QueryFailed, "SQLITE_ERROR"),
        ("SELECT * FROM nothing", [], errors.QueryFailed, "SQLITE_ERROR"),
        ("SELECT ?, ?", [1], errors.QueryFailed, None),
        ("SELECT ?", [object()], errors.QueryFailed, None),
        ("SELECT ?", [2**63], errors.QueryFailed, None),
        ("SELECT ?", [f"{SECRET}\ud800"], errors.QueryFailed, None),
    ],
)
def test_what_sqlite_raises_becomes_the_kernel_s(
    conn: sqlite3.Connection, sql: str, values: list[Any], kind: type[SqlError], name: str | None
) -> None:
    """Type, code, code's name, path and the statement are there; the bound value is not."""
    error = provoked(conn, sql, values)
    assert type(error) is kind
    assert error.code_name == name
    assert (error.code is None) == (name is None)
    assert error.path == "/data/a.db"
    assert error.operation == f"try: {sql}"
    assert SECRET not in f"{error} {vars(error)} {error.args}"
    assert "\n" not in str(error)


def test_a_write_through_a_reader_is_its_own_error(conn: sqlite3.Connection) -> None:
    """With query_only on SQLite answers READONLY, and the hint says how to write."""
    conn.execute("PRAGMA query_only = ON")
    error = provoked(conn, "DELETE FROM t")
    assert type(error) is errors.ReadOnlyConnection
    assert "service.write()" in error.hint


def test_a_lock_held_elsewhere_is_busy(conn: sqlite3.Connection, tmp_path: Path) -> None:
    """SQLITE_BUSY becomes DatabaseBusy with a hint."""
    conn.execute("BEGIN IMMEDIATE")
    with closing(sqlite3.connect(tmp_path / "a.db", timeout=0, isolation_level=None)) as other:
        error = provoked(other, "BEGIN IMMEDIATE")
    conn.execute("ROLLBACK")
    assert type(error) is errors.DatabaseBusy
    assert error.code_name == "SQLITE_BUSY"


def test_a_full_disk_is_its_own_error(conn: sqlite3.Connection) -> None:
    """A file that may not grow answers FULL, and reading goes on."""
    conn.execute("PRAGMA max_page_count = 4")
    error = provoked(conn, "INSERT INTO t (name) VALUES (hex(zeroblob(?)))", [100_000])
    assert type(error) is errors.DiskFull
    assert conn.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_a_forbidden_statement_is_not_authorized(conn: sqlite3.Connection) -> None:
    """What the authorizer denies becomes NotAuthorized."""
    conn.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
    assert type(provoked(conn, "SELECT 1")) is errors.NotAuthorized


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    """Foreign bytes are NotADatabase, a folder that is not there ConnectionFailed."""
    (tmp_path / "text.db").write_text("not a database, but long enough to have a header of its own\n" * 20)
    with closing(sqlite3.connect(tmp_path / "text.db")) as conn:
        assert type(provoked(conn, "SELECT * FROM sqlite_schema")) is errors.NotADatabase
    with pytest.raises(sqlite3.Error) as caught:
        sqlite3.connect(tmp_path / "none" / "a.db")
    error = translate(caught.value, operation="open", path="a.db")
    assert type(error) is errors.ConnectionFailed
    assert error.operation == "open"


def test_damage_is_its_own_error(tmp_path: Path) -> None:
    """A file whose pages were overwritten is DatabaseDamaged and names the command that restores."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("CREATE TABLE t (a TEXT)")
        conn.executemany("INSERT INTO t VALUES (?)", [(str(n) * 100,) for n in range(1000)])
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with closing(sqlite3.connect(path)) as conn:
        error = provoked(conn, "SELECT count(a) FROM t")
    assert type(error) is errors.DatabaseDamaged
    assert "ragkernel restore" in error.hint


def test_a_table_that_another_process_dropped_has_a_hint(tmp_path: Path) -> None:
    """Under a service whose schema another connection migrates back, a missing table names what shows the schema."""
    path = tmp_path / "a.db"
    with ragkernel.open(path) as service:
        with ragkernel.SqlService(ragkernel.SqlConfig(path, migration_backup=False)) as other:
            other.run_migrations(0)
        with pytest.raises(errors.QueryFailed, match="no such table: settings") as caught, service.read() as conn:
            conn.execute("SELECT * FROM settings")
    assert "`ragkernel status`" in caught.value.hint


def test_an_error_of_the_kernel_s_own_passes_through() -> None:
    """translate() never wraps twice."""
    error = SqlError("as it was")
    assert translate(error, operation="again") is error


QUOTING: list[tuple[str, Callable[[str], str]]] = [
    ("SELECT json_extract('{}', ?)", lambda value: value),
    ("SELECT json_set('{}', ?, 1)", lambda value: f"$.'{value}"),
    ("SELECT json(?)", lambda value: "{" + value),
    ("SELECT * FROM five WHERE five MATCH ?", lambda value: f'"{value}":a'),
    ("SELECT * FROM five WHERE five MATCH ?", lambda value: f"{value} ("),
    ("SELECT * FROM five WHERE rank MATCH ? AND five MATCH 'a'", lambda value: value),
    ("SELECT * FROM four WHERE four MATCH ?", lambda value: f"{value} ("),
    ("ATTACH ? AS x", lambda value: f"/nowhere/{value}"),
    ("VACUUM INTO ?", lambda value: f"/nowhere/{value}"),
    ("SELECT CAST(CAST(? AS BLOB) || x'ff' AS TEXT)", lambda value: value),
]


@pytest.mark.parametrize(("sql", "dress"), QUOTING)
@given(noise=st.text(st.sampled_from("'\": [](),.$\n"), max_size=6), first=st.booleans())
def test_a_value_that_sqlite_echoes_is_taken_out(
    sql: str, dress: Callable[[str], str], noise: str, first: bool
) -> None:
    """Some of SQLite's messages repeat a bound value, quoted in several ways; the translation never does."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        for name, version in (("four", "fts4"), ("five", "fts5")):
            with suppress(sqlite3.OperationalError):  # a build without full-text search has less to echo
                conn.execute(f"CREATE VIRTUAL TABLE {name} USING {version} (a)")
        try:
            conn.execute(sql, [dress(noise + SECRET if first else SECRET + noise)]).fetchall()
        except sqlite3.Error as raised:
            error = translate(raised, operation="try", sql=sql)
            assert SECRET not in f"{error} {vars(error)} {error.args}"
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT missing FROM t", "no such column: missing"),
        ("SELECT * FROM missing", "no such table: missing"),
        ("SELECT 1 FRM t", 'near "t": syntax error'),
        ("SELECT x'", 'unrecognized token: "x\'"'),
        ("INSERT INTO t (name, kind) VALUES ('a', 'b')", "CHECK constraint failed: kind IN ('good', 'bad')"),
        ("INSERT INTO t (name) VALUES ('one')", "UNIQUE constraint failed: t.name"),
    ],
)
def test_what_the_statement_or_the_schema_says_stays(conn: sqlite3.Connection, sql: str, words: str) -> None:
    """Names and literals of the statement and of the schema are no bound values: the message keeps them."""
    assert provoked(conn, sql).message == words
