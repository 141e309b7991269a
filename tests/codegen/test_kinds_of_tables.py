"""Views, virtual tables, triggers, keys of every sort: what each kind of table becomes works on a real database."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ragkernel.errors import QueryFailed, SqlError, ValueRefused
from tests.codegen.made_packages import database_of, made_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from tests.generated.support import Connection

ROOT = Path(__file__).parents[2]

SCHEMA = """
CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT, seen INTEGER NOT NULL DEFAULT 0);
CREATE VIRTUAL TABLE notes_fts USING fts5(title, body, content='notes', content_rowid='id');
CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
    INSERT INTO notes_fts(rowid, title, body) VALUES (new.id, new.title, new.body);
END;
CREATE VIEW busy AS SELECT id, title, seen * 2 AS twice FROM notes WHERE seen > 0;
CREATE VIEW deep AS SELECT busy.*, notes.id FROM busy JOIN notes USING (id);

CREATE TABLE audited (id TEXT PRIMARY KEY NOT NULL, n INTEGER, changed TEXT);
CREATE TRIGGER audited_ai AFTER INSERT ON audited BEGIN
    UPDATE audited SET changed = 'inserted' WHERE id = new.id;
END;
CREATE TRIGGER audited_au AFTER UPDATE OF n ON audited BEGIN
    UPDATE OR IGNORE audited SET changed = 'updated' WHERE id = new.id;
END;
CREATE TABLE ledger (a TEXT, b INTEGER, c TEXT, PRIMARY KEY (a DESC, b)) WITHOUT ROWID;
CREATE INDEX ledger_c ON ledger (c);
CREATE TRIGGER ledger_ai AFTER INSERT ON ledger BEGIN
    UPDATE ledger SET c = 'x' || new.b WHERE a = new.a AND b = new.b;
END;
CREATE TABLE far (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0);
CREATE TABLE near (far_id INTEGER);
CREATE TRIGGER far_ai AFTER INSERT ON far BEGIN INSERT INTO near VALUES (new.id); END;
CREATE TRIGGER near_ai AFTER INSERT ON near BEGIN UPDATE far SET n = n + 1 WHERE id = new.far_id; END;
CREATE TABLE choosy (id INTEGER PRIMARY KEY, n INTEGER);
CREATE TRIGGER choosy_bi BEFORE INSERT ON choosy WHEN new.n < 0 BEGIN SELECT RAISE(IGNORE); END;

CREATE VIRTUAL TABLE docs USING fts5(title, body);
CREATE VIRTUAL TABLE old USING fts4(title, body);
CREATE VIRTUAL TABLE blank USING fts5(title, body, content='');
CREATE VIRTUAL TABLE blank4 USING fts4(content="", title, body);
CREATE VIRTUAL TABLE vocab USING fts5vocab('docs', 'row');
CREATE VIRTUAL TABLE boxes USING rtree(id, min_x, max_x, +label TEXT);

CREATE TABLE hidden (rowid TEXT, oid TEXT, _rowid_ TEXT);
CREATE INDEX hidden_oid ON hidden (oid, rowid DESC);
CREATE TABLE first_real (a REAL NOT NULL, b TEXT, c REAL);
CREATE UNIQUE INDEX first_real_b ON first_real (b);
CREATE INDEX first_real_c ON first_real (c DESC, a);
CREATE TABLE pieces (k BLOB PRIMARY KEY NOT NULL, m INTEGER);
CREATE TABLE pairs (k BLOB NOT NULL, r REAL NOT NULL, m INTEGER, PRIMARY KEY (k, r));
CREATE TABLE doubled (a INTEGER, b INTEGER AS (a * 2) UNIQUE);
CREATE TABLE ignoring (a INTEGER PRIMARY KEY, b TEXT UNIQUE ON CONFLICT IGNORE);
CREATE TABLE replacing (a INTEGER PRIMARY KEY, b TEXT UNIQUE ON CONFLICT REPLACE);
CREATE TABLE one_column (x);
CREATE TABLE clash (rowid INTEGER, n INTEGER);
CREATE TABLE measured (id INTEGER PRIMARY KEY, plain REAL, worded REAL DEFAULT 'none', must REAL NOT NULL DEFAULT 'x');
CREATE TABLE cased (name TEXT NOT NULL COLLATE NOCASE, n INTEGER, PRIMARY KEY (name COLLATE BINARY));
CREATE TABLE worded (id INTEGER PRIMARY KEY,
    a TEXT DEFAULT bare, b TEXT NOT NULL DEFAULT "it's", c DEFAULT [x y], l INT);
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with made_package(tmp_path_factory.mktemp("kinds"), "kinds_of_tables", SCHEMA) as out:
        yield out


@pytest.fixture
def load(package: Path) -> Callable[[str], ModuleType]:
    return lambda name: importlib.import_module(f"kinds_of_tables.queries.{name}")


@pytest.fixture
def conn(load: Callable[[str], Any]) -> Iterator[Connection]:
    with database_of("kinds_of_tables") as connection:
        yield connection


def public(module: ModuleType) -> set[str]:
    return {
        name for name, one in vars(module).items() if callable(one) and not name.startswith("_") and name[0].islower()
    }


def test_views_are_read(conn: Connection, load: Callable[[str], Any]) -> None:
    """A view has list_all, count and a streamed iterate, and a row class without a form."""
    notes, busy = load("notes"), load("busy")
    made = [notes.insert(conn, title=f"t{number}", seen=number) for number in range(3)]
    assert public(busy) == {"list_all", "count", "iterate"}
    assert [(row.id, row.title, row.twice) for row in busy.list_all(conn)] == [(2, "t1", 2), (3, "t2", 4)]
    assert busy.list_all(conn, limit=1) == busy.list_all(conn)[:1]
    assert (busy.count(conn), list(busy.iterate(conn))) == (2, busy.list_all(conn))
    assert load("deep").list_all(conn)[0].id_1 == made[1].id
    models = importlib.import_module("kinds_of_tables.models")
    assert not hasattr(models, "NewBusy")


def test_full_text(conn: Connection, load: Callable[[str], Any]) -> None:
    """FTS5 and FTS4: rows by rowid, which insert takes or gives, and search, the best first, at most `limit`."""
    for name in ("docs", "old"):
        docs = load(name)
        one = docs.insert(conn, title="a cat", body="cat cat")
        two = docs.insert(conn, title="a dog", body="and a cat", rowid=10)
        assert (one.rowid, two.rowid) == (1, 10)
        assert docs.get(conn, rowid=10) == two
        assert (
            docs.insert_many(
                conn, [two.__replace__(rowid=11), importlib.import_module("kinds_of_tables.models").NewDoc()]
            )
            == 2
        )
        assert [row.rowid for row in docs.search(conn, match="dog")] == [10, 11]
        assert docs.search(conn, match="cat")[0] == one
        assert len(docs.search(conn, match="cat", limit=2)) == 2
        assert docs.update(conn, rowid=10, body="nothing").body == "nothing"
        assert docs.update(conn, rowid=99, body="nothing") is None
        assert docs.delete(conn, rowid=11)
        assert not docs.delete(conn, rowid=11)
        assert [row.rowid for row in docs.get_many(conn, [12, 10, 11])] == [12, 10]
        page = docs.page(conn, limit=2)
        assert [row.rowid for row in page.items + docs.page(conn, after=page.next).items] == [1, 10, 12]
        assert [row.rowid for row in docs.iterate(conn)] == [1, 10, 12]
        assert docs.delete_many(conn, [1, 12, 13]) == 2
        assert (docs.count(conn), docs.list_all(conn)) == (1, [docs.get(conn, rowid=10)])
        assert not hasattr(docs, "upsert")  # SQLite has none for virtual tables
        with pytest.raises(ValueRefused, match="match"):
            docs.search(conn, match=5)
    with pytest.raises(SqlError):
        load("docs").search(conn, match='"')


def test_full_text_without_content_of_its_own(conn: Connection, load: Callable[[str], Any]) -> None:
    """An index of another table is read and left to the triggers; a contentless one takes rows and finds their rowids;
    what SQLite refuses for it is not there."""
    load("notes").insert(conn, title="a cat")
    index = load("notes_fts")
    assert [(row.title, row.rowid) for row in index.search(conn, match="cat")] == [("a cat", 1)]
    assert index.get(conn, rowid=1).title == "a cat"
    assert not {"insert", "insert_many", "update", "delete", "upsert"} & public(index)
    blank = load("blank")
    made = blank.insert(conn, title="a cat", rowid=5)
    assert (made.title, made.rowid) == (None, 5)
    assert blank.search(conn, match="cat") == [made] == blank.list_all(conn)
    assert not {"update", "delete", "delete_many", "upsert"} & public(blank)
    blank = load("blank4")
    assert blank.insert(conn, title="a cat", rowid=5) is None
    assert [row.rowid for row in blank.search(conn, match="cat")] == [5]
    assert public(blank) == {"insert", "insert_many", "search"}


def test_other_virtual_tables(conn: Connection, load: Callable[[str], Any]) -> None:
    """An R*Tree goes by its id and returns the coordinates as it keeps them; an unknown module is only read."""
    boxes = load("boxes")
    made = boxes.insert(conn, min_x=0.1, max_x=0.2, label="a")
    assert made.min_x < 0.1 < 0.2 < made.max_x
    assert boxes.get(conn, id=made.id) == made
    assert boxes.update(conn, id=made.id, label="b").label == "b"
    assert [row.id for row in boxes.page(conn).items] == [made.id]
    assert boxes.delete_many(conn, [made.id, 99]) == 1
    load("docs").insert(conn, title="one two two")
    vocab = load("vocab")
    assert [(row.term, row.cnt) for row in vocab.iterate(conn)] == [("one", 1), ("two", 2)]
    assert public(vocab) == {"list_all", "count", "iterate"}


def test_triggers_that_change_the_row(conn: Connection, load: Callable[[str], Any]) -> None:
    """Where triggers change a row behind its statement, directly or through other tables, what is returned is what is
    stored; where none does, nothing is read again."""
    audited = load("audited")
    assert audited.insert(conn, id="a", n=1).changed == "inserted"
    assert audited.update(conn, id="a", n=2).changed == "updated"
    assert audited.upsert(conn, id="a", n=3, changed=None).changed == "updated"
    assert audited.update(conn, id="a") == audited.get(conn, id="a")
    assert audited.update(conn, id="b", n=2) is None
    ledger = load("ledger")
    assert ledger.insert(conn, a="a", b=1).c == "x1"
    assert ledger.upsert(conn, a="a", b=2).c == "x2"
    assert load("far").insert(conn).n == 1
    conn.statements.clear()
    load("notes").insert(conn, title="t")
    assert len(conn.statements) == 1


def test_rows_that_the_schema_ignores(conn: Connection, load: Callable[[str], Any]) -> None:
    """An insert that a trigger or ON CONFLICT IGNORE makes into nothing is an error; ON CONFLICT REPLACE is none."""
    with pytest.raises(QueryFailed, match="ignored the row"):
        load("choosy").insert(conn, n=-1)
    load("ignoring").insert(conn, b="x")
    with pytest.raises(QueryFailed, match="ignored the row"):
        load("ignoring").insert(conn, b="x")
    load("replacing").insert(conn, b="x")
    assert load("replacing").insert(conn, b="x").a == 2
    assert load("replacing").count(conn) == 1


def test_without_rowid_and_a_descending_key(conn: Connection, load: Callable[[str], Any]) -> None:
    """A descending key of a WITHOUT ROWID table is the order of its pages, as of ties in its other indexes."""
    ledger = load("ledger")
    conn.raw.execute("DROP TRIGGER ledger_ai")
    for key in ("a", "b", "c"):
        for number in (2, 1):
            ledger.insert(conn, a=key, b=number, c="same")
    expected = [("c", 1), ("c", 2), ("b", 1), ("b", 2), ("a", 1), ("a", 2)]
    for page, more in ((ledger.page, {}), (ledger.page_by_c, {"c": "same"})):
        first = page(conn, **more, limit=4)
        second = page(conn, **more, limit=4, after=first.next)
        assert [(row.a, row.b) for row in first.items + second.items] == expected
        assert page(conn, **more, limit=4, before=second.previous).items == first.items
    conn.statements.clear()
    ledger.page(conn, after=("b", 1))
    for sql in conn.statements:
        plan = conn.raw.execute(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?")).fetchall()
        assert not [row for row in plan if "TEMP B-TREE" in row[3]]


def test_all_names_of_the_rowid_are_hidden(conn: Connection, load: Callable[[str], Any]) -> None:
    """Without a key and without a name for the rowid a table has no functions by key and no pages; the rest works."""
    hidden = load("hidden")
    made = hidden.insert(conn, oid="x")
    assert hidden.list_by_oid(conn, oid="x") == [made] == list(hidden.iterate(conn)) == hidden.list_all(conn)
    assert not {"get", "page", "delete", "update", "upsert", "page_by_oid"} & public(hidden)


def test_rowids_of_keyless_tables(conn: Connection, load: Callable[[str], Any]) -> None:
    """The rowid is an integer whatever the first column is, gives way to a column of its name, and upsert goes by a
    unique index."""
    table = load("first_real")
    made = table.insert(conn, a=1.5, b="x", c=2.0)
    assert made.rowid == 1
    assert type(made.rowid) is int
    assert table.update(conn, rowid=1, a=2.5).rowid == 1
    assert table.upsert(conn, a=3.5, b="x").rowid == 1
    assert table.upsert(conn, a=3.5, b="y").rowid == 2
    assert table.get_by_b(conn, b="y").a == 3.5
    table.insert_many(conn, [table.get(conn, rowid=1).__replace__(b=None, c=c) for c in (None, 9.0, 2.0, None)])
    page = table.page(conn, limit=3)
    assert [row.rowid for row in page.items] == [1, 2, 3]
    assert [row.rowid for row in table.iterate_by_c(conn, c=2.0)] == [1, 5]
    clash = load("clash").insert(conn, rowid=7, n=1)
    assert (clash.rowid, clash.row_id) == (7, 1)
    assert load("clash").get(conn, row_id=1) == clash
    assert load("one_column").insert(conn, x=b"1").rowid == 1
    assert load("doubled").insert(conn, a=2).b == 4
    assert not hasattr(load("doubled"), "upsert")  # its only unique key is never written
    assert load("doubled").get_by_b(conn, b=4).a == 2


def test_defaults_without_quotes(conn: Connection, load: Callable[[str], Any]) -> None:
    """Behind DEFAULT a name, bare or quoted as a name, is a text, wherever the default is used."""
    worded = load("worded")
    for made in (worded.insert(conn), worded.upsert(conn, id=5), worded.upsert(conn, id=5, l=1)):
        assert (made.a, made.b, made.c) == ("bare", "it's", "x y")
    assert worded.update(conn, id=5, c=None).c is None


def test_whole_numbers_of_real_columns(conn: Connection, load: Callable[[str], Any]) -> None:
    """A whole number in a REAL column is a float in what insert, update and upsert return, as in what is read."""
    measured = load("measured")
    given = {"plain": 1, "worded": 2, "must": 3}
    for made in (
        measured.insert(conn, **given),
        measured.upsert(conn, id=1, **given),
        measured.update(conn, id=1, **given),
    ):
        assert [repr(one) for one in (made.plain, made.worded, made.must)] == ["1.0", "2.0", "3.0"]
        assert repr(measured.get(conn, id=1)) == repr(made)
    assert measured.insert(conn).worded == "none"


def test_a_key_with_a_collation_of_its_own(conn: Connection, load: Callable[[str], Any]) -> None:
    """Where the key tells apart what its columns take for the same, rows go by their rowids: none is lost or hit."""
    cased = load("cased")
    rows = [cased.insert(conn, name=name) for name in ("a", "A", "b")]
    assert [row.rowid for row in rows] == [1, 2, 3]
    assert cased.page(conn, limit=1, after=cased.page(conn, limit=1).next).items == rows[1:2]
    assert cased.delete(conn, rowid=1)
    assert cased.list_all(conn) == rows[1:]


def test_keys_that_json_cannot_hold(conn: Connection, load: Callable[[str], Any]) -> None:
    """BLOB and REAL keys have get_many and delete_many too, a statement a key, all or nothing."""
    pieces, pairs = load("pieces"), load("pairs")
    made = [pieces.insert(conn, k=bytes([number]), m=number) for number in range(3)]
    assert pieces.get_many(conn, [b"\x02", b"\x09", b"\x00"]) == [made[2], made[0]]
    assert pieces.delete_many(conn, [b"\x02", b"\x09", b"\x00"]) == 2
    two = [pairs.insert(conn, k=b"k", r=number / 10) for number in range(3)]
    assert pairs.get_many(conn, [(b"k", 0.2), (b"k", 0.1)]) == [two[2], two[1]]
    assert pairs.delete_many(conn, [(b"k", 0.2), (b"k", 0.3)]) == 1
    with pytest.raises(ValueRefused, match=r"pieces\.k"):
        pieces.get_many(conn, ["x"])
    with pytest.raises(ValueRefused, match=r"pairs\.key"):
        pairs.delete_many(conn, [(b"k",)])
    assert pieces.page(conn).items == [made[1]]


@pytest.mark.parametrize("command", [["format", "--check"], ["check", "--extend-ignore", "E501,A,RUF012"]])
def test_ruff_finds_nothing(package: Path, command: list[str]) -> None:
    """The output is formatted and clean."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        pytest.skip("ruff is not installed")
    options = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    found = subprocess.run([ruff, *command, *options, str(package)], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_mypy_finds_nothing(package: Path) -> None:
    """The output passes mypy --strict."""
    pytest.importorskip("mypy")
    cache = ["--cache-dir", str(package.parent / "mypy_cache")]
    command = [sys.executable, "-m", "mypy", "--strict", *cache, "--config-file", str(ROOT / "pyproject.toml")]
    found = subprocess.run([*command, str(package)], capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 0, found.stdout + found.stderr
