"""Schemas at the edges of what SQLite accepts: each made the output fail once, or store something else."""

from __future__ import annotations

import importlib
import math
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from codegen.pipeline import Source, generate, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = """
CREATE TABLE s (id INTEGER PRIMARY KEY, a REAL NOT NULL DEFAULT 9e999, b NUMERIC DEFAULT -9e999);
CREATE TABLE outside (
    id INTEGER PRIMARY KEY,
    a TEXT CHECK (a IN ('a', 'b')) NOT NULL DEFAULT 'c',
    b INT CHECK (b IN (1, 2)) DEFAULT 3,
    c TEXT NOT NULL DEFAULT (x'41')
);
CREATE TABLE twice (a INTEGER, b INTEGER AS (a * 2), c INTEGER AS (-a), d INTEGER AS (a % 3));
CREATE TABLE quoted (id INTEGER PRIMARY KEY, a "", b);
CREATE TABLE texts (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE boxes USING rtree_i32 (id, x0, x1);
CREATE VIRTUAL TABLE areas USING rtree (id, x0, x1, +name TEXT);
CREATE VIRTUAL TABLE words USING fts5 (body, content='', columnsize=0);
"""


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("edges")
    (folder / "schema.sql").write_text(SCHEMA)
    write(Source((folder / "schema.sql",), package="edges_of_types"), folder, lambda _: None)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("edges_of_types")
    sys.path.remove(str(folder))


@pytest.fixture
def conn(edges: Any) -> Iterator[Any]:
    with edges.connect(":memory:") as db:
        db.create()
        with db.write() as conn:
            yield conn


def test_an_infinite_default_is_left_to_the_database(edges: Any, conn: Any) -> None:
    """A default for which Python has no literal is filled in by SQLite; a table may be called by one letter."""
    made = edges.queries.s.insert(conn)
    assert (made.a, made.b) == (math.inf, -math.inf)
    assert type(made) is edges.models.S


def test_a_default_that_its_column_cannot_hold_is_not_used(tmp_path: Path, edges: Any, conn: Any) -> None:
    """A default outside the CHECK, or a BLOB in a column of text, is no default of the generated code, and a note."""
    with pytest.raises(TypeError, match="'a' and 'c'"):
        edges.queries.outside.insert(conn)
    made = edges.queries.outside.insert(conn, a="a", c="A")
    assert (made.a, made.b, made.c) == ("a", None, "A")
    (tmp_path / "schema.sql").write_text(SCHEMA)
    notes: list[str] = []
    generate(Source((tmp_path / "schema.sql",)), lambda note: notes.append(str(note)))
    for column in ("outside.a", "outside.b", "outside.c"):
        assert any(column in note and "it is not used" in note for note in notes), (column, notes)


def test_calculated_integers_may_leave_64_bits(edges: Any, conn: Any) -> None:
    """A generated column that calculates with integers holds a float where they leave 64 bits: its row can be read."""
    large = edges.queries.twice.insert(conn, a=2**62)
    assert (large.b, large.c, large.d) == (float(2**63), -(2**62), 2**62 % 3)
    least = edges.queries.twice.insert(conn, a=-(2**63))
    assert least.c == float(2**63)
    assert edges.queries.twice.list_all(conn) == [large, least]


def test_an_empty_type_in_quotes_is_numeric(edges: Any, conn: Any) -> None:
    """A column whose type is an empty name refuses a text that SQLite would turn into a number; one without any type
    keeps it."""
    made = edges.queries.quoted.insert(conn, a="x", b="12")
    assert (made.a, made.b) == ("x", "12")
    with pytest.raises(edges.errors.ValueRefused, match=r"quoted\.a"):
        edges.queries.quoted.insert(conn, a="12")


def test_an_r_tree_holds_32_bits(edges: Any, conn: Any) -> None:
    """What the 32 bits of an R*Tree's coordinate do not hold is refused, in insert, insert_many and update."""
    assert edges.queries.boxes.insert(conn, id=1, x0=-(2**31), x1=2**31 - 1).x1 == 2**31 - 1
    with pytest.raises(edges.errors.ValueRefused, match=r"boxes\.x1"):
        edges.queries.boxes.insert(conn, id=2, x0=0, x1=2**31)
    with pytest.raises(edges.errors.ValueRefused, match=r"boxes\.x0"):
        edges.queries.boxes.insert_many(conn, [edges.models.NewBox(id=2, x0=-(2**31) - 1, x1=0)])
    with pytest.raises(edges.errors.ValueRefused, match=r"boxes\.x0"):
        edges.queries.boxes.update(conn, id=1, x0=2**40)
    with pytest.raises(edges.errors.ValueRefused, match=r"areas\.x1"):
        edges.queries.areas.insert(conn, id=1, x0=0.0, x1=1e300, name="a")
    assert edges.queries.areas.insert(conn, id=1, x0=0.0, x1=1.5, name="a").x1 == 1.5
    assert edges.queries.boxes.count(conn) == 1


def test_an_index_without_sizes_answers_matches_only(edges: Any, conn: Any) -> None:
    """A contentless full-text table without the sizes of its columns takes rows with their rowids, and is searched."""
    edges.queries.words.insert(conn, body="one two", rowid=7)
    assert [row.rowid for row in edges.queries.words.search(conn, match="two")] == [7]
    assert not hasattr(edges.queries.words, "get")


def test_a_text_that_is_not_utf8_names_its_column(edges: Any, tmp_path: Path) -> None:
    """The error for a stored text that is not UTF-8 names the column and not the text."""
    with edges.connect(tmp_path / "texts.db") as db:
        db.create()
    with closing(sqlite3.connect(tmp_path / "texts.db", isolation_level=None)) as raw:
        raw.execute("INSERT INTO texts VALUES (1, CAST(x'736563726574ff' AS TEXT))")
    with edges.connect(tmp_path / "texts.db") as db, db.read() as conn:
        with pytest.raises(edges.errors.QueryFailed, match="the column body is not UTF-8") as caught:
            edges.queries.texts.get(conn, id=1)
        assert "secret" not in str(caught.value)


def test_a_query_gives_way_to_a_table(tmp_path: Path) -> None:
    """A query whose function, row class or constant another thing has by itself gets a number, and a note."""
    (tmp_path / "schema.sql").write_text(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE u_names (a INT);"
    )
    (tmp_path / "t.sql").write_text(
        "-- name: get :many\nSELECT a FROM t;\n-- name: get_2 :many\nSELECT id FROM t;\n"
        "-- name: list :many\nSELECT * FROM t;\n"
    )
    (tmp_path / "u.sql").write_text("-- name: name :many\nSELECT a AS one, id AS two FROM t;\n")
    notes: list[str] = []
    files = generate(
        Source((tmp_path / "schema.sql",), (tmp_path / "t.sql", tmp_path / "u.sql"), package="p"),
        lambda note: notes.append(str(note)),
    )
    assert "def get(" in files["queries/t.py"]
    for name in ("get_2", "get_3", "list_2"):
        assert files["queries/t.py"].count(f"def {name}(") == 1, name
    assert "def name_2(" in files["queries/u.py"]
    assert "class UName2(Row)" in files["models.py"]
    assert len([note for note in notes if "because" in note and "t.sql:" in note]) == 2
