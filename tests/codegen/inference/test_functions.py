"""The table of functions against SQLite: each function, called with values of every kind, gives what is claimed."""

from __future__ import annotations

import itertools
import random
import sqlite3
from contextlib import closing

import pytest

from codegen.inference import infer
from codegen.inference.functions import AGGREGATES, SCALARS, SPECIAL
from codegen.reading.introspect import read_schema
from codegen.reading.sources import Script
from codegen.reading.tokens import Statement, split
from tests.codegen.inference.witnesses import witness

SCHEMA = """
CREATE TABLE a (
    i INTEGER NOT NULL, j INTEGER, r REAL NOT NULL, q REAL, t TEXT NOT NULL, s TEXT, b BLOB NOT NULL, c BLOB, u,
    n NUMERIC NOT NULL, d DATETIME NOT NULL, e JSON TEXT NOT NULL
);
"""
COLUMNS = (
    "i",
    "j",
    "r",
    "q",
    "t",
    "s",
    "b",
    "c",
    "u",
    "n",
    "d",
    "e",
    "NULL",
    "''",
    "'$'",
    "'$.a'",
    "0",
    "'a'",
    "'now'",
)


def _known() -> set[str]:
    """The functions that this SQLite has."""
    with closing(sqlite3.connect(":memory:")) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM pragma_function_list")}


@pytest.mark.parametrize("name", sorted({*SCALARS, *SPECIAL, *AGGREGATES} & _known()))
def test_a_function_gives_what_the_table_says(name: str) -> None:
    """Whatever its arguments are, alone, in groups and refined by a WHERE, no value of the function is outside the type
    that is claimed for it."""
    catalog, connection = read_schema([Script("f.sql", SCHEMA)], note=lambda note: None, strict=False)
    chance = random.Random(name)
    calls = [f"{name}()", f"{name}(*)"]
    calls += [f"{name}({one})" for one in COLUMNS]
    pairs = list(itertools.product(COLUMNS, repeat=2))
    calls += [f"{name}({one}, {two})" for one, two in chance.sample(pairs, 25)]
    calls += [f"{name}({', '.join(chance.choices(COLUMNS, k=3))})" for _ in range(15)]
    queries = []
    for call in calls:
        queries.append(f"SELECT {call} AS x FROM a")
        queries.append(f"SELECT j, s, q, {call} AS x FROM a WHERE {call} = 1")
        queries.append(f"SELECT j, s, q, c FROM a WHERE NOT {call}")
        queries.append(f"SELECT j, {call} AS x FROM a GROUP BY j")
    statements: list[Statement] = []
    for query in queries:
        try:
            connection.execute(f"EXPLAIN {query}")
        except sqlite3.Error:
            continue
        statements += split(query, "f.sql")
    assert witness(connection, catalog, statements, chance, 10) == []
    connection.close()


def test_an_unknown_function_has_no_known_type() -> None:
    """Of a function that is not SQLite's nothing is claimed."""
    catalog, connection = read_schema([Script("f.sql", SCHEMA)], note=lambda note: None, strict=False)
    connection.create_function("own", 1, lambda value: value)
    (statement,) = split("SELECT own(i) AS x FROM a", "f.sql")
    assert infer(statement, catalog, connection).columns[0].type is None
    connection.close()
