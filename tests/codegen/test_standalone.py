"""Output that carries its own leaves: it needs the standard library only, and its connections keep their promises."""

from __future__ import annotations

import importlib
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from codegen.pipeline import Source, write
from tests.generated.support import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SCHEMA = """
CREATE TABLE artists (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, born DATETIME, extra JSON TEXT);
CREATE TABLE albums (
    id INTEGER PRIMARY KEY,
    artist_id INTEGER NOT NULL REFERENCES artists (id) DEFERRABLE INITIALLY DEFERRED,
    title TEXT NOT NULL,
    price REAL NOT NULL DEFAULT 9.5,
    kind TEXT NOT NULL DEFAULT 'lp' CHECK (kind IN ('lp', 'ep')),
    added DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX albums_artist ON albums (artist_id, title);
CREATE VIEW titles AS SELECT title FROM albums;
CREATE TABLE log (line TEXT NOT NULL);
CREATE TRIGGER noted AFTER INSERT ON albums BEGIN INSERT INTO log VALUES (NEW.title); END;
"""
QUERIES = """
-- name: cheap :many
SELECT id, title FROM albums WHERE price < :price ORDER BY id;

-- name: all_titles :iter
SELECT id, title FROM albums ORDER BY id;

-- name: discount :execrows
UPDATE albums SET price = price / 2 WHERE kind = :kind;
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the packages `music`, standalone, and `music_over_runtime`, importable."""
    made = tmp_path_factory.mktemp("standalone")
    (made / "music.sql").write_text(SCHEMA)
    (made / "queries").mkdir()
    (made / "queries/albums.sql").write_text(QUERIES)
    for package, runtime in (("music", None), ("music_over_runtime", "ragkernel")):
        write(Source((made / "music.sql",), (made / "queries",), runtime, package), made, note=lambda _: None)
    sys.path.insert(0, str(made))
    yield made
    sys.path.remove(str(made))


@pytest.fixture
def music(folder: Path) -> Any:
    return importlib.import_module("music")


@pytest.fixture
def db(music: Any, tmp_path: Path) -> Iterator[Any]:
    with music.connect(tmp_path / "music.db", timeout=0.05) as opened:
        assert opened.create()
        yield opened


def round_trip(package: Any, conn: Any) -> list[object]:
    """What a few functions of every kind give, the same whichever leaves the package has."""
    artists, albums, models = package.queries.artists, package.queries.albums, package.models
    artist = artists.insert(conn, name="Ann", extra={"a": [1, None]})
    made = albums.insert(conn, artist_id=artist.id, title="One")
    more = [models.NewAlbum(artist_id=artist.id, title=f"T{number}", kind="ep") for number in range(5)]
    found: list[object] = [albums.insert_many(conn, more), albums.get(conn, id=made.id) == made]
    page = albums.page_by_artist_id(conn, artist_id=artist.id, limit=4)
    rest = albums.page_by_artist_id(conn, artist_id=artist.id, limit=4, after=page.next)
    found += [[row.title for row in (*page.items, *rest.items)], rest.next]
    found += [
        albums.update(conn, id=made.id, price=1).price,
        albums.upsert(conn, id=made.id, artist_id=1, title="x").kind,
    ]
    found += [albums.discount(conn, kind="ep"), [row.title for row in albums.cheap(conn, price=5.0)]]
    found += [len(list(albums.all_titles(conn))), albums.delete(conn, id=made.id), albums.count(conn)]
    found += [[row.id for row in albums.get_many(conn, [3, 99, 2])], artists.get_by_name(conn, name="Ann") == artist]
    for function, wrong in (
        (artists.insert, {"name": "b\0"}),
        (artists.insert, {"name": "Ann"}),
        (albums.get, {"id": 2**63}),
    ):
        try:
            function(conn, **wrong)
        except Exception as error:
            found.append((type(error).__name__, str(error)))
    return found


def test_both_ways_do_the_same(folder: Path, db: Any) -> None:
    """The same round trip over the package's own leaves and over the runtime's gives the same, errors included."""
    with db.write() as conn:
        own = round_trip(importlib.import_module("music"), conn)
    over_runtime = importlib.import_module("music_over_runtime")
    other = Connection()
    for name in ("models", "queries", "schema"):
        importlib.import_module(f"music_over_runtime.{name}")
    for statement in over_runtime.schema.DDL["main"]:
        other.raw.execute(statement)
    theirs = round_trip(over_runtime, other)
    other.close()
    assert [str(one).replace("execute: ", "statement: ") for one in own] == [str(one) for one in theirs]
    assert len(own) == 16


def test_it_imports_the_standard_library_only(folder: Path) -> None:
    """Without site-packages everything imports; `import music` alone brings neither sqlite3 nor json."""
    program = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); import music\n"
        "assert not {'sqlite3', 'dataclasses', 'json', 'threading'} & set(sys.modules), sys.modules\n"
        "music.connect, music.queries.albums, music.models, music.errors, music.schema, music.connections\n"
        "assert {'sqlite3', 'music.queries.albums'} <= set(sys.modules)\n"
        "assert not {'dataclasses', 'ragkernel'} & set(sys.modules), sys.modules\n"
        "assert set(music.__all__) == set(dir(music))\n"
    )
    subprocess.run([sys.executable, "-I", "-S", "-W", "error", "-c", program], check=True)


def test_a_write_scope_commits_or_undoes_itself(music: Any, db: Any) -> None:
    """What a write scope did is there after it, and nothing of it where an exception left it."""
    with db.write() as conn:
        music.queries.artists.insert(conn, name="a")
    with pytest.raises(ZeroDivisionError), db.write() as conn:
        music.queries.artists.insert(conn, name="b")
        raise ZeroDivisionError
    with db.read() as conn:
        assert [row.name for row in music.queries.artists.list_all(conn)] == ["a"]


def test_a_write_scope_begins_immediately(music: Any, db: Any, tmp_path: Path) -> None:
    """A write scope waits for the lock at its beginning (hazard 4), and says DatabaseBusy when it is not had."""
    other = sqlite3.connect(tmp_path / "music.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(music.errors.DatabaseBusy), db.write():
        pytest.fail("the scope was entered")
    other.close()
    with db.write() as conn:
        assert music.queries.artists.count(conn) == 0


def test_a_deferred_foreign_key_fails_at_the_end(music: Any, db: Any) -> None:
    """Foreign keys are on; a deferred one is told at the end of its scope, and nothing of the scope is kept."""
    with pytest.raises(music.errors.ForeignKeyViolation), db.write() as conn:
        music.queries.albums.insert(conn, artist_id=77, title="t")
    with db.write() as conn:
        assert music.queries.albums.count(conn) == 0


def test_a_read_scope_is_one_snapshot(music: Any, tmp_path: Path) -> None:
    """In WAL mode a reader sees what was there when its scope began, however much is written meanwhile."""
    with sqlite3.connect(tmp_path / "wal.db") as raw:
        raw.execute("PRAGMA journal_mode = wal")
    raw.close()
    with music.connect(tmp_path / "wal.db") as db:
        db.create()
        with db.read() as reader:
            with db.write() as writer:
                music.queries.artists.insert(writer, name="a")
            assert music.queries.artists.count(reader) == 0
        with db.read() as reader:
            assert music.queries.artists.count(reader) == 1
        assert (tmp_path / "wal.db-wal").exists()
    assert not (tmp_path / "wal.db-wal").exists()  # the last connection of all takes it away


def test_a_reader_does_not_write(music: Any, db: Any) -> None:
    """A Reader given to a function that writes, and a statement of one's own that writes, are ReadOnlyConnection."""
    with db.read() as conn:
        with pytest.raises(music.errors.ReadOnlyConnection, match=r"db\.write"):
            music.queries.artists.insert(conn, name="a")
        with pytest.raises(music.errors.ReadOnlyConnection, match="SQLITE_READONLY"):
            conn.execute("DELETE FROM log")
        with pytest.raises(AttributeError, match="no attribute"):
            conn.commit()


def test_a_connection_ends_with_its_scope(music: Any, db: Any) -> None:
    """After its block a connection refuses everything, and a half-read stream pins nothing (hazard 20)."""
    with db.write() as writer:
        music.queries.artists.insert(writer, name="a")
        for number in range(3000):
            music.queries.albums.insert(writer, artist_id=1, title=f"t{number}")
    with db.read() as reader:
        rows = music.queries.albums.all_titles(reader)
        next(rows)
    for use in (
        lambda: list(rows),
        lambda: music.queries.artists.count(reader),
        lambda: music.queries.artists.insert(writer, name="b"),
    ):
        with pytest.raises(music.errors.ConnectionMisused, match="outside the `with` block"):
            use()
    with db.write() as conn:
        music.queries.artists.insert(conn, name="c")


def test_a_transaction_that_sqlite_undid_is_doomed(music: Any, db: Any) -> None:
    """Where SQLite has rolled the transaction back (hazard 5) nothing more runs in its scope; it ends in an error."""
    with pytest.raises(music.errors.TransactionDoomed), db.write() as conn:
        music.queries.artists.insert(conn, name="a")
        with pytest.raises(music.errors.UniqueViolation):
            conn.execute("INSERT OR ROLLBACK INTO artists (name) VALUES ('a')")
        with pytest.raises(music.errors.TransactionDoomed) as caught:
            music.queries.artists.insert(conn, name="b")
        assert isinstance(caught.value.__cause__, music.errors.UniqueViolation)
    with db.write() as conn:
        assert music.queries.artists.count(conn) == 0


def test_a_savepoint_undoes_its_own_scope(music: Any, db: Any) -> None:
    """What failed inside a savepoint is undone, what came before it is kept; insert_many is such a scope."""
    new = music.models.NewArtist
    with db.write() as conn:
        music.queries.artists.insert(conn, name="a")
        with pytest.raises(music.errors.UniqueViolation):
            music.queries.artists.insert_many(conn, [new(name="b"), new(name="a")])
        with pytest.raises(ZeroDivisionError), conn.savepoint(), conn.savepoint():
            music.queries.artists.insert(conn, name="c")
            raise ZeroDivisionError
        with conn.savepoint():
            music.queries.artists.insert(conn, name="d")
    with db.read() as conn:
        assert [row.name for row in music.queries.artists.list_all(conn)] == ["a", "d"]


def test_scopes_of_one_thread(music: Any, db: Any) -> None:
    """A write scope, and closing, inside a write scope of the same thread is an error at once and no deadlock."""
    with db.write():
        with pytest.raises(music.errors.ConnectionMisused, match="savepoint"), db.write():
            pytest.fail("the scope was entered")
        with pytest.raises(music.errors.ConnectionMisused):
            db.close()
    db.close()
    for scope in (db.read, db.write):
        with pytest.raises(music.errors.ConnectionMisused, match="closed"), scope():
            pytest.fail("the scope was entered")


def test_threads_take_turns(music: Any, tmp_path: Path) -> None:
    """Threads share a Database: each write scope is whole, and readers have connections of their own."""
    with music.connect(tmp_path / "threads.db") as db:
        db.create()
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for step in range(20):
                    with db.write() as conn:
                        music.queries.artists.insert(conn, name=f"{number}-{step}")
                    with db.read() as conn:
                        assert music.queries.artists.get_by_name(conn, name=f"{number}-{step}") is not None
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with db.read() as conn:
            assert music.queries.artists.count(conn) == 80


def test_in_memory(music: Any) -> None:
    """A database in memory has one connection: it reads what it wrote, and its readers write nothing."""
    with music.connect(":memory:") as db:
        assert db.create()
        assert not db.create()
        with db.write() as conn:
            music.queries.artists.insert(conn, name="a")
        with db.read() as conn:
            assert music.queries.artists.count(conn) == 1
            with pytest.raises(music.errors.ReadOnlyConnection):
                conn.execute("DELETE FROM artists")
            with pytest.raises(music.errors.ConnectionMisused), db.write():
                pytest.fail("the scope was entered")
        with db.write() as conn:
            assert music.queries.artists.delete(conn, id=1)


def test_creating(music: Any, db: Any, tmp_path: Path) -> None:
    """create() builds tables, indexes, views and triggers once; it refuses the file of another schema."""
    assert not db.create()
    with db.write() as conn:
        music.queries.artists.insert(conn, name="a")
        music.queries.albums.insert(conn, artist_id=1, title="t")
        assert conn.execute("SELECT * FROM log UNION ALL SELECT * FROM titles") == [("t",), ("t",)]
        assert conn.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'albums_artist'") == [(1,)]
    with sqlite3.connect(tmp_path / "other.db") as raw:
        raw.execute("CREATE TABLE other (id)")
    raw.close()
    with (
        music.connect(tmp_path / "other.db") as other,
        pytest.raises(music.errors.QueryFailed, match="no table artists"),
    ):
        other.create()


def test_a_connection_of_ones_own(music: Any) -> None:
    """A connection that the caller opened is wrapped as it is, whatever its row factory; its transactions are the
    caller's."""
    raw = sqlite3.connect(":memory:", isolation_level=None)
    raw.row_factory = lambda _cursor, row: {"row": row}
    conn = music.WriteConnection(raw)
    music.create_schema(conn)
    assert not raw.in_transaction
    raw.execute("BEGIN IMMEDIATE")
    music.queries.artists.insert(conn, name="a")
    raw.execute("ROLLBACK")
    assert music.queries.artists.count(music.ReadConnection(raw)) == 0
    assert music.queries.artists.insert(conn, name="b").id == 1
    assert not raw.in_transaction
    with pytest.raises(music.errors.ReadOnlyConnection):
        music.queries.artists.insert(music.ReadConnection(raw), name="c")
    raw.close()


def test_functions_of_the_application(music: Any) -> None:
    """prepare gives each new connection what the application brings."""

    def prepare(raw: sqlite3.Connection) -> None:
        raw.create_function("twice", 1, lambda x: 2 * x)

    with music.connect(":memory:", prepare=prepare) as db, db.read() as conn:
        assert conn.execute("SELECT twice(?)", (21,)) == [(42,)]
    with music.connect(":memory:") as db, db.read() as conn, pytest.raises(music.errors.QueryFailed, match="prepare=…"):
        conn.execute("SELECT twice(21)")
    with pytest.raises(ZeroDivisionError):
        music.connect(":memory:", prepare=lambda _raw: 1 // 0)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3.Connection.setconfig is of Python 3.12")
def test_a_double_quoted_word_is_no_string(music: Any, db: Any) -> None:
    """A word in double quotes that names nothing is an error (hazard 8)."""
    with db.read() as conn, pytest.raises(music.errors.QueryFailed, match="no such column"):
        conn.execute('SELECT "nothing"')


def test_errors_hold_no_values(music: Any, db: Any) -> None:
    """Neither an error nor its causes hold a bound value (hazard 25); what SQLite says of the schema stays."""
    with db.write() as conn:
        for sql, values in (
            ("SELECT json_extract('{}', ?)", ("secret",)),
            ("SELECT ?", ("secret\ud800",)),
            ("SELECT ?, ?", ("secret", 2**64)),
            ("INSERT INTO artists (id, name) VALUES (?, ?)", ("secret", "secret")),
        ):
            with pytest.raises(music.errors.QueryFailed) as caught:
                conn.execute(sql, values)
            assert "secret" not in str(caught.value)
            assert caught.value.__cause__ is None
            assert caught.value.__context__ is None
        with pytest.raises(music.errors.NotNullViolation, match=r"artists\.name"):
            conn.execute("INSERT INTO artists (name) VALUES (NULL)")


def test_a_file_that_is_no_database(music: Any, tmp_path: Path) -> None:
    """What cannot be opened, or is no database, is ConnectionFailed with a hint."""
    (tmp_path / "text.db").write_bytes(b"no database " * 100)
    with (
        music.connect(tmp_path / "text.db") as db,
        pytest.raises(music.errors.ConnectionFailed, match="Hint"),
        db.write(),
    ):
        pytest.fail("the scope was entered")
    with pytest.raises(music.errors.ConnectionFailed, match="folder"):
        music.connect(tmp_path / "nowhere" / "x.db")


USE = """
import sqlite3
from typing import assert_type

import music
from music.connections import Reader, Writer

def use(raw: sqlite3.Connection) -> None:
    with music.connect("music.db") as db:
        assert_type(db, music.Database)
        with db.write() as conn:
            assert_type(conn, Writer)
            assert_type(music.queries.albums.insert(conn, artist_id=1, title="t"), music.models.Album)
            assert_type(music.queries.albums.count(conn), int)
        with db.read() as reader:
            assert_type(reader, Reader)
            music.queries.albums.insert(reader, artist_id=1, title="t")  # type: ignore[arg-type]
            reader.change("x")  # type: ignore[attr-defined]
    music.create_schema(music.WriteConnection(raw))
    music.create_schema(music.ReadConnection(raw))  # type: ignore[arg-type]
    music.queries.albums.insert(music.ReadConnection(raw), artist_id=1, title="t")  # type: ignore[arg-type]
    music.queries.albums.get(music.ReadConnection(raw), id=1)
"""


@pytest.mark.checkout
def test_type_checkers(folder: Path) -> None:
    """The package and its use pass mypy --strict; a Reader given to a function that writes does not."""
    pytest.importorskip("mypy")
    (folder / "use.py").write_text(USE)
    cache = ["--cache-dir", str(folder / "mypy_cache"), "--warn-unused-ignores"]
    environment = {**os.environ, "MYPYPATH": str(folder)}
    command = [sys.executable, "-m", "mypy", "--strict", *cache, "-p", "music", "-m", "use"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.checkout
@pytest.mark.parametrize("command", [["format", "--check"], ["check", "--extend-ignore", "E501,A,RUF012"]])
def test_ruff_finds_nothing(folder: Path, command: list[str]) -> None:
    """The leaves too are as the formatter leaves them, and clean."""
    ruff = Path(sys.executable).parent / "ruff"
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    options = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    found = subprocess.run([ruff, *command, *options, str(folder / "music")], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
