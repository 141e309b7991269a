"""Invented queries over random rows: no type that is inferred is refuted."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

from codegen.inference import infer
from codegen.reading.introspect import read_schema
from codegen.reading.sources import Script
from codegen.reading.tokens import Statement, split
from codegen.types.typemap import Type
from tests.codegen.inference.invention import Inventor
from tests.codegen.inference.witnesses import fits, witness

if TYPE_CHECKING:
    from tests.codegen.inference import witnesses

SCHEMA = """
CREATE TABLE a (
    id INTEGER PRIMARY KEY, n INTEGER NOT NULL, m INTEGER, t TEXT NOT NULL, s TEXT, r REAL NOT NULL, q REAL,
    st TEXT NOT NULL CHECK (st IN ('x', 'y')), f BOOLEAN
);
CREATE TABLE b (
    id INTEGER PRIMARY KEY, a_id INTEGER, n INTEGER NOT NULL, t TEXT NOT NULL, x BLOB, u, d DATETIME NOT NULL,
    j JSON TEXT
);
CREATE TABLE c (a_id INTEGER NOT NULL, k TEXT NOT NULL, v NUMERIC, PRIMARY KEY (a_id, k)) WITHOUT ROWID;
CREATE VIEW v AS SELECT a.id, a.n, b.t, b.n AS bn, count(*) OVER () AS c FROM a LEFT JOIN b ON b.a_id = a.id;
"""


def invented(count: int, seed: int) -> tuple[list[Statement], Inventor, sqlite3.Connection]:
    """Queries that SQLite takes."""
    catalog, connection = read_schema([Script("invented.sql", SCHEMA)], note=lambda note: None, strict=False)
    inventor = Inventor(catalog, random.Random(seed))
    found: list[Statement] = []
    while len(found) < count:
        sql = inventor.query()
        try:
            connection.execute(f"EXPLAIN {sql}")
        except sqlite3.Error:
            continue
        found += split(sql, "invented.sql")
    return found, inventor, connection


@pytest.mark.parametrize("seed", range(3))
def test_random_rows_refute_no_type_of_an_invented_query(seed: int) -> None:
    """No invented query gives a value outside the types of its columns, names included."""
    statements, inventor, connection = invented(100, seed)
    assert witness(connection, inventor.catalog, statements, inventor.chance, 25) == []
    connection.close()


def test_invented_queries_are_read() -> None:
    """The parser reads the invented queries: it is no fallback that makes their types sound."""
    statements, inventor, connection = invented(60, 9)
    unknown = [
        one.sql
        for one in statements
        if all(column.type is None for column in infer(one, inventor.catalog, connection).columns)
    ]
    assert len(unknown) <= 1, unknown
    connection.close()


def test_a_wrong_claim_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that is switched off is noticed: without outer joins' NULLs the witnesses refute a type."""
    from codegen.inference.scopes import Context

    catalog, connection = read_schema([Script("invented.sql", SCHEMA)], note=lambda note: None, strict=False)
    statements = list(split("SELECT b.n FROM a LEFT JOIN b ON b.a_id = a.id", "invented.sql"))
    assert witness(connection, catalog, statements, random.Random(1), 20) == []
    monkeypatch.setattr(Context, "missing", lambda self, source: False)
    assert witness(connection, catalog, statements, random.Random(1), 20) != []
    connection.close()


@pytest.mark.parametrize(
    ("value", "kind", "right"),
    [
        (None, Type("integer", True), True),
        (None, Type("integer", False), False),
        (1, Type("real", False), False),
        (1, Type("number", False), True),
        (True, None, True),
        ("x", Type("choice", False, ("x", "y")), True),
        ("z", Type("choice", False, ("x", "y")), False),
        (2, Type("flag", False), False),
        ("a", Type("json_scalar", False), True),
        (b"", Type("json_scalar", False), False),
        ("2024-01-01 00:00:00", Type("moment", False), True),
        ("2024-01-01", Type("moment", False), False),
    ],
)
def test_values_fit_their_types(value: witnesses.Raw, kind: Type | None, right: bool) -> None:
    """A value fits a type if it has one of its storage classes and, where the type says more, is such a value."""
    assert fits(value, kind) is right
