"""Schemas that SQLite takes and that are easily got wrong: the output imports, works, and satisfies the checkers."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ragkernel.errors import DecodeError, ValueRefused
from tests.codegen.made_packages import database_of, made_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from tests.generated.support import Connection

ROOT = Path(__file__).parents[2]

SCHEMA = """
CREATE TABLE "Order Lines" (
    "Order" INTEGER NOT NULL,
    [line no] INTEGER NOT NULL,
    `class` TEXT NOT NULL DEFAULT 'it''s "odd" \\ here',
    "self" TEXT, conn TEXT, "limit" TEXT, type TEXT, "str" TEXT, "2nd" TEXT, "a b" TEXT, a_b TEXT,
    PRIMARY KEY ("Order", [line no])
);
CREATE UNIQUE INDEX "by class" ON "Order Lines" (`class`, type);
CREATE INDEX by_conn ON "Order Lines" (conn, "limit");

CREATE TABLE no_key (a INTEGER, b TEXT);
CREATE INDEX no_key_b ON no_key (b);

CREATE TABLE "values" (id INTEGER PRIMARY KEY, anything, amount DECIMAL(10, 2), day DATE, plain JSON, raw BLOB,
    level INTEGER CHECK (level IN (1, 2, -3)), score FLOAT DEFAULT 1, made TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    token BLOB NOT NULL DEFAULT (randomblob(4)), hint TEXT DEFAULT (lower('X')), mask BLOB NOT NULL DEFAULT x'00ff');

CREATE TABLE areas (id INTEGER PRIMARY KEY, w REAL NOT NULL, h REAL NOT NULL,
    area REAL GENERATED ALWAYS AS (w * h) STORED, label TEXT AS ('no ' || id));

CREATE TABLE words (word TEXT COLLATE NOCASE PRIMARY KEY, n INT NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX words_n ON words (n);
CREATE TABLE nullable_key (id TEXT PRIMARY KEY, n INTEGER);
CREATE TABLE descending (id INTEGER PRIMARY KEY DESC, n INTEGER);
CREATE TABLE strict_one (id INTEGER PRIMARY KEY, a ANY, t TEXT NOT NULL) STRICT;
CREATE INDEX partial ON strict_one (t) WHERE a IS NOT NULL;
CREATE INDEX expression ON strict_one (lower(t));
CREATE TABLE only_defaults (id INTEGER PRIMARY KEY);
CREATE TABLE state_of (id INTEGER PRIMARY KEY, s TEXT, t TEXT NOT NULL,
    CHECK (s IS NULL OR (s IN ('a', 'b'))), CONSTRAINT "t ok" CHECK (t = 'x' OR t = 'y'));
CREATE VIEW seen AS SELECT id FROM areas;
CREATE TRIGGER noted AFTER INSERT ON areas BEGIN INSERT INTO no_key (a) VALUES (NEW.id); SELECT 1; END;
CREATE VIRTUAL TABLE search USING fts5(body);
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with made_package(tmp_path_factory.mktemp("odd"), "odd_schema", SCHEMA) as out:
        yield out


@pytest.fixture
def load(package: Path) -> Callable[[str], ModuleType]:
    return lambda name: importlib.import_module(f"odd_schema.{name}")


@pytest.fixture
def conn(load: Callable[[str], Any]) -> Iterator[Connection]:
    with database_of("odd_schema") as connection:
        yield connection


def test_quoted_names(conn: Connection, load: Callable[[str], Any]) -> None:
    """Quoted names, keywords of SQL and Python, and names that would collide are all reachable."""
    lines = load("queries.order_lines")
    made = lines.insert(
        conn, order=1, line_no=2, self_="s", conn_="c", limit_="l", str_="x", n2nd="2", a_b="1", a_b_2="2"
    )
    assert made.class_ == 'it\'s "odd" \\ here'
    assert lines.get(conn, order=1, line_no=2) == made
    assert lines.get_many(conn, [(1, 2), (1, 3)]) == [made]
    assert lines.list_by_order(conn, order=1) == [made]
    assert lines.list_by_conn_(conn, conn_="c") == [made]
    assert lines.page_by_conn_(conn, conn_="c", limit=1).items == [made]
    assert lines.page_by_conn__and_limit_(conn, conn_="c", limit_="l", limit=1).items == [made]
    assert lines.update(conn, order=1, line_no=2, type="t").type == "t"
    assert lines.get_by_class__and_type(conn, class_=made.class_, type="t").order == 1
    assert lines.upsert(conn, order=1, line_no=2, type="u").type == "u"


def test_without_a_key(conn: Connection, load: Callable[[str], Any]) -> None:
    """A table without a key goes by its rowid: the last field of a row, which insert returns and no form has."""
    module = load("queries.no_key")
    made = module.insert(conn, a=1)
    assert type(made).__slots__ == ("a", "b", "rowid")
    assert "rowid" not in load("models").NewNoKey.__slots__
    assert module.insert_many(conn, [made, load("models").NewNoKey(b="x")]) == 2
    assert [row.rowid for row in module.list_by_b(conn, b=None)] == [1, 2]
    assert module.get(conn, rowid=1) == made
    assert module.exists(conn, rowid=3)
    assert not module.exists(conn, rowid=4)
    assert [row.b for row in module.get_many(conn, [3, 4, 1])] == ["x", None]
    assert module.update(conn, rowid=3, b="y").b == "y"
    page = module.page(conn, limit=2)
    assert [row.rowid for row in page.items + module.page(conn, after=page.next).items] == [1, 2, 3]
    assert [row.rowid for row in module.iterate(conn)] == [1, 2, 3]
    assert module.delete(conn, rowid=2)
    assert module.delete_many(conn, [1, 2, 3]) == 2
    assert module.count(conn) == 0
    assert not hasattr(module, "upsert")  # there is nothing to conflict with


def test_kinds_of_values(conn: Connection, load: Callable[[str], Any]) -> None:
    """Untyped, DECIMAL, DATE, plain JSON, integer choices, defaults that only SQLite knows: kept exactly or refused."""
    module = load("queries.values")
    made = module.insert(conn, anything=b"\x00", amount=10, day="2026-01-02", plain=[1], level=-3)
    assert module.get(conn, id=made.id) == made
    assert (len(made.token), made.hint, made.mask, made.score) == (4, "x", b"\x00\xff", 1.0)
    assert made.made.tzinfo is not None
    assert module.insert(conn, hint=None, made=None).hint is None
    for value in (5, 2.5, 1e300, "1.0", True, None, {"a": 1.0}, -(2**63)):
        row = module.insert(conn, plain=value)
        assert (module.get(conn, id=row.id).plain, type(row.plain)) == (value, type(value))
    for value in (1.0, 1e3, 2**63, -0.0, 12345678901234567890):
        with pytest.raises(ValueRefused, match=r"values\.plain"):
            module.insert(conn, plain=value)
    refused: dict[str, Any] = {"level": 3, "day": "2026", "amount": "1", "anything": [1], "raw": "x"}
    for column, given in refused.items():
        with pytest.raises(ValueRefused, match=column.strip("_")):
            module.insert(conn, **{column: given})


def test_negative_zero(conn: Connection, load: Callable[[str], Any]) -> None:
    """-0.0 is returned as the column keeps it: 0.0 in a REAL or NUMERIC column, as it is in one without a type."""
    module = load("queries.values")
    made = module.insert(conn, anything=-0.0, amount=-0.0, score=-0.0)
    stored = module.get(conn, id=made.id)
    assert str(made.anything) == str(stored.anything) == "-0.0"
    assert str(made.score) == str(stored.score) == "0.0"
    assert "-" not in f"{made.amount} {stored.amount}"


def test_generated_columns_and_triggers(conn: Connection, load: Callable[[str], Any]) -> None:
    """Generated columns are returned and never written."""
    made = load("queries.areas").insert(conn, w=2.0, h=3.0)
    assert (made.area, made.label) == (6.0, f"no {made.id}")
    assert load("queries.no_key").count(conn) == 1
    with pytest.raises(TypeError):
        load("queries.areas").insert(conn, w=2.0, h=3.0, area=1.0)


def test_keys_of_all_sorts(conn: Connection, load: Callable[[str], Any]) -> None:
    """WITHOUT ROWID with its own collation, keys that can be NULL, INTEGER PRIMARY KEY DESC, a key alone."""
    words = load("queries.words")
    words.insert_many(conn, [load("models").NewWord(word=word) for word in ("b", "A", "c")])
    assert [row.word for row in words.iterate(conn)] == ["A", "b", "c"]
    page = words.page_by_n(conn, n=0, limit=2)
    assert [row.word for row in words.page_by_n(conn, n=0, after=page.next).items] == ["c"]
    assert words.upsert(conn, word="B", n=3).word == "b"
    nullable = load("queries.nullable_key")
    assert nullable.insert(conn, n=1).id is None
    assert nullable.insert_many(conn, [nullable.insert(conn, n=2), nullable.insert(conn, id="a")][:1]) == 1
    page = nullable.page(conn, limit=3)
    assert [(row.id, row.n) for row in page.items] == [(None, 1), (None, 2), ("a", None)]
    assert [row.n for row in nullable.page(conn, after=page.next).items] == [2]
    assert [row.n for row in nullable.iterate(conn)] == [1, 2, None, 2]
    assert load("queries.descending").insert(conn, n=1).id is None
    assert load("queries.only_defaults").upsert(conn, id=7).id == 7
    assert load("queries.only_defaults").insert(conn).id == 8


def test_checks_at_table_level(conn: Connection, load: Callable[[str], Any]) -> None:
    """CHECK … IN at table level, with OR IS NULL and as a chain of comparisons, is a Literal."""
    module = load("queries.state_of")
    assert module.insert(conn, t="x").s is None
    with pytest.raises(ValueRefused, match=r"state_of\.s"):
        module.insert(conn, s="c", t="x")
    with pytest.raises(ValueRefused, match=r"state_of\.t"):
        module.insert(conn, t="z")


def test_unusable_indexes_serve_nothing(load: Callable[[str], Any]) -> None:
    """Partial and expression indexes give no look-ups."""
    assert not [name for name in dir(load("queries.strict_one")) if "_by_" in name]


def test_shadow_tables_are_left_out(package: Path) -> None:
    """Views and virtual tables get a module, what a virtual table keeps behind it gets none."""
    names = {path.stem for path in (package / "queries").glob("*.py")}
    assert names >= {"seen", "search"}
    assert not {name for name in names if name.startswith("search_")}
    assert "fts5" in (package / "schema.py").read_text()


def test_foreign_value_in_a_number(conn: Connection, load: Callable[[str], Any]) -> None:
    """A text in a NUMERIC column is an error."""
    made = load("queries.values").insert(conn, amount=1)
    conn.raw.execute("UPDATE \"values\" SET amount = 'much'")
    with pytest.raises(DecodeError, match=r"values\.amount"):
        load("queries.values").get(conn, id=made.id)


@pytest.mark.parametrize("command", [["format", "--check"], ["check", "--extend-ignore", "E501,A,RUF012"]])
def test_ruff_finds_nothing(package: Path, command: list[str]) -> None:
    """The output of an odd schema is formatted and clean too."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        pytest.skip("ruff is not installed")
    options = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    found = subprocess.run([ruff, *command, *options, str(package)], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_mypy_finds_nothing(package: Path) -> None:
    """The output of an odd schema passes mypy --strict."""
    pytest.importorskip("mypy")
    cache = ["--cache-dir", str(package.parent / "mypy_cache")]
    command = [sys.executable, "-m", "mypy", "--strict", *cache, "--config-file", str(ROOT / "pyproject.toml")]
    found = subprocess.run([*command, str(package)], capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 0, found.stdout + found.stderr
