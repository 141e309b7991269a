"""Columns whose type is told by more than their declared type: by a default, an expression, a CHECK."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from codegen.errors import Note
from codegen.pipeline import Source, generate, write

if TYPE_CHECKING:
    from pathlib import Path

ODD = """CREATE TABLE odd (
    id INTEGER PRIMARY KEY,
    a BOOLEAN DEFAULT 't',
    b DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    c BLOB DEFAULT '',
    d REAL NOT NULL DEFAULT '',
    e TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
    f INTEGER DEFAULT 0.5,
    g BOOLEAN DEFAULT 2,
    h JSON TEXT DEFAULT '',
    i NUMERIC DEFAULT 'none',
    j BOOLEAN DEFAULT 1,
    k DATETIME DEFAULT (datetime('now', 'localtime')),
    n TEXT DEFAULT 5,
    m BLOB DEFAULT x'00'
);
"""


def test_a_default_of_another_type_widens_the_column(tmp_path: Path) -> None:
    """A column whose default its declared type cannot hold gets the type that can, and a note; the row can be read."""
    (tmp_path / "odd.sql").write_text(ODD)
    notes: list[object] = []
    write(Source((tmp_path / "odd.sql",), package="odd_defaults"), tmp_path, notes.append)
    sys.path.insert(0, str(tmp_path))
    try:
        odd = importlib.import_module("odd_defaults")
        with odd.connect(":memory:") as db:
            db.create()
            with db.write() as conn:
                made = odd.queries.odd.insert(conn)
                assert odd.queries.odd.get(conn, id=made.id) == made
                assert odd.queries.odd.insert(conn, a=1, c=b"x", d=1.5, f=2, i=3).d == 1.5
                whole = odd.queries.odd.insert(conn, d=2)
                assert type(whole.d) is type(odd.queries.odd.get(conn, id=whole.id).d) is float
                with pytest.raises(odd.errors.ValueRefused, match=r"odd\.a"):
                    odd.queries.odd.insert(conn, a="1")
                with pytest.raises(odd.errors.ValueRefused, match=r"odd\.d"):
                    odd.queries.odd.insert(conn, d=2**53 + 1)
        types = {name: made.__annotations__[name] for name in made.__slots__}
    finally:
        sys.path.remove(str(tmp_path))
    anything = "str | int | float | bytes"
    assert {name: types[name] for name in "abcdefgh"} == {
        "a": f"{anything} | None",
        "b": "str | None",
        "c": f"{anything} | None",
        "d": anything,
        "e": "int | float",
        "f": "int | float | None",
        "g": "int | None",
        "h": "str | None",
    }
    assert {name: types[name] for name in "ijknm"} == {
        "i": f"{anything} | None",
        "j": "bool | None",
        "k": "datetime | None",
        "n": "str | None",
        "m": "bytes | None",
    }
    assert [note.line for note in notes if isinstance(note, Note)] == list(range(3, 12))


GENERATED = """CREATE TABLE made (
    id INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    t TEXT NOT NULL,
    w REAL NOT NULL,
    half INTEGER AS (n / 2.0),
    twice INTEGER AS (n * 2),
    area REAL AS (w * w),
    label TEXT AS ('no ' || id),
    large BOOLEAN AS (n > 5),
    many BOOLEAN AS (n),
    facts JSON TEXT AS (json_object('a', n)),
    bytes_of BLOB AS (t),
    untyped AS (n),
    number_of INTEGER AS (t),
    picked TEXT AS (json_extract(t, '$.a')),
    quarter INTEGER AS (half / 2),
    again INTEGER AS (twice + 1)
);
"""


def test_a_generated_column_is_what_its_expression_gives(tmp_path: Path) -> None:
    """A generated column keeps its declared type where its expression gives nothing else, and gets that of the
    expression where it may: what is inserted can be read."""
    (tmp_path / "made.sql").write_text(GENERATED)
    write(Source((tmp_path / "made.sql",), package="generated_columns", strict=True), tmp_path)
    sys.path.insert(0, str(tmp_path))
    try:
        package = importlib.import_module("generated_columns")
        with package.connect(":memory:") as db:
            db.create()
            with db.write() as conn:
                for n, text in ((1, "{}"), (2, '{"a": 5}'), (7, "7")):
                    made = package.queries.made.insert(conn, n=n, t=text, w=0.5)
                    assert package.queries.made.get(conn, id=made.id) == made
                assert (made.half, made.large, made.facts, made.picked) == (3.5, True, {"a": 7}, None)
    finally:
        sys.path.remove(str(tmp_path))
    types = {name: made.__annotations__[name].removesuffix(" | None") for name in made.__slots__[4:]}
    assert types == {
        "half": "int | float",
        "twice": "int | float",
        "area": "float",
        "label": "str",
        "large": "bool",
        "many": "int",
        "facts": "JsonValue",
        "bytes_of": "str",
        "untyped": "str | int | float | bytes",
        "number_of": "str | int | float",
        "picked": "str",
        "quarter": "int | float",
        "again": "int | float",
    }


CONFINED = """CREATE TABLE confined (
    id INTEGER PRIMARY KEY,
    a CHECK (typeof(a) = 'integer'),
    b NUMERIC CHECK (typeof(b) IN ('text', 'null')),
    c CHECK (typeof(c) IN ('integer', 'real')),
    d TIMESTAMP CHECK (typeof(d) = 'integer'),
    e CHECK (e IN ('x', 'y')),
    f ENUM NOT NULL DEFAULT 'x' CHECK (f IN ('x', 'y')),
    g STRING CHECK (g IN ('1', '2'))
);
"""


def test_checks_confine_columns_of_any_declared_type(tmp_path: Path) -> None:
    """A CHECK on typeof, and one that names texts, says what a column holds where its declared type says less."""
    (tmp_path / "confined.sql").write_text(CONFINED)
    models = generate(Source((tmp_path / "confined.sql",), strict=True))["models.py"]
    row = models[models.index("class Confined(") : models.index("def __init__")]
    anything = "str | int | float | bytes | None"
    types = [
        "int",
        "int",
        "str | None",
        "int | float",
        "int",
        'Literal["x", "y"] | None',
        'Literal["x", "y"]',
        anything,
    ]
    assert [line.partition(": ")[2] for line in row.splitlines() if line.startswith("    ") and ": " in line] == types


RANDOM = """CREATE TABLE r (
    id INTEGER PRIMARY KEY,
    a BOOLEAN NOT NULL DEFAULT (abs(random()) % 4),
    b INTEGER NOT NULL DEFAULT (iif(random() > 0, 1, 0.5)),
    c TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
    d DATE NOT NULL DEFAULT (hex(randomblob(2))),
    e BOOLEAN NOT NULL DEFAULT (strftime('%w', 'now')),
    f INTEGER NOT NULL DEFAULT (strftime('%f', 'now'))
);
"""


def test_a_random_default_gives_one_type(tmp_path: Path) -> None:
    """The type of a column whose default differs from row to row, or from day to day, holds all that it may give, and
    is the same each time the code is generated."""
    (tmp_path / "random.sql").write_text(RANDOM)
    source = Source((tmp_path / "random.sql",), package="random_defaults")
    outputs = {tuple(sorted(generate(source, lambda _: None).items())) for _ in range(12)}
    assert len(outputs) == 1
    write(source, tmp_path, lambda _: None)
    sys.path.insert(0, str(tmp_path))
    try:
        package = importlib.import_module("random_defaults")
        with package.connect(":memory:") as db:
            db.create()
            with db.write() as conn:
                made = [package.queries.r.insert(conn) for _ in range(200)]
                assert package.queries.r.list_all(conn) == made
        assert {type(row.b) for row in made} == {int, float}
        types = {name: package.models.R.__annotations__[name] for name in "abcdef"}
    finally:
        sys.path.remove(str(tmp_path))
    anything = "str | int | float | bytes"
    assert types == {"a": "int", "b": "int | float", "c": "str", "d": anything, "e": "int", "f": "int | float"}
