"""What the catalog claims about a column against what SQLite accepts: whatever can be inserted is within the claim."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.reading.introspect import read_schema
from codegen.reading.sources import Script

if TYPE_CHECKING:
    from codegen.reading.catalog import Column, Table

# Values of every class, and those that affinities and collations make equal to each other.
VALUES: list[object] = [
    *(None, 0, 1, 2, 3, -1, 2**53, 2**63 - 1, 0.0, 1.0, 2.5, 1e300, "", "a", "A", "b", "B ", "a ", "0", "1", "1.0"),
    *(" 1", "1 ", "0x1", "x", b"", b"a", b"1", "integer", "null", "é", "É"),
]
STORED = {int: "integer", float: "real", str: "text", bytes: "blob"}


def tables(schema: str) -> tuple[list[Table], sqlite3.Connection]:
    catalog, connection = read_schema([Script("s.sql", schema)], print)
    return list(catalog.tables), connection


def wrong(connection: sqlite3.Connection, table: Table, column: Column) -> list[object]:
    """The values that SQLite accepts in the column, alone in a row, and that its claims leave out."""
    found = []
    name = '"' + column.name.replace('"', '""') + '"'
    for value in VALUES:
        connection.execute("SAVEPOINT one")
        try:
            sql = f'INSERT INTO "{table.name}" ({name}) VALUES (?)'
            rowid = connection.execute(sql, (value,)).lastrowid
            where = "" if table.without_rowid else f" WHERE {table.rowid} = {rowid}"
            rows = connection.execute(f'SELECT {name} FROM "{table.name}"{where}').fetchall()
        except sqlite3.IntegrityError:
            continue
        finally:
            connection.execute("ROLLBACK TO one")
            connection.execute("RELEASE one")
        found += [stored for (stored,) in rows if not _claimed(column, stored)]
    return found


def _claimed(column: Column, stored: object) -> bool:
    if stored is None:
        return not column.not_null
    if column.stores is not None and STORED[type(stored)] not in column.stores:
        return False
    return column.choices is None or any(
        type(choice) is type(stored) and choice == stored for choice in column.choices
    )  # fmt: skip


# Column definition → not null, choices, storage classes.
CLAIMS: dict[str, tuple[bool, tuple[str | int, ...] | None, set[str] | None]] = {
    "x TEXT": (False, None, None),
    "x TEXT NOT NULL": (True, None, None),
    "x INTEGER PRIMARY KEY": (True, None, {"integer"}),
    "x INTEGER, PRIMARY KEY (x)": (True, None, {"integer"}),
    "x INTEGER, PRIMARY KEY (x DESC)": (True, None, {"integer"}),
    "x INTEGER PRIMARY KEY DESC": (False, None, None),
    "x INT PRIMARY KEY": (False, None, None),
    "x TEXT PRIMARY KEY": (False, None, None),
    "x BIGINT, PRIMARY KEY (x)": (False, None, None),
    "x TEXT NOT NULL ON CONFLICT REPLACE DEFAULT 'd'": (True, None, None),
    "x TEXT NOT NULL ON CONFLICT IGNORE": (True, None, None),
    "x TEXT CHECK (x IS NOT NULL)": (True, None, None),
    "x TEXT CHECK (x NOT NULL AND length(x) > 0)": (True, None, None),
    "x TEXT CHECK (x NOTNULL)": (True, None, None),
    "x TEXT CHECK (NOT (x IS NULL))": (True, None, None),
    "x TEXT CHECK (NOT x ISNULL)": (True, None, None),
    "x TEXT CHECK (typeof(x) <> 'null')": (True, None, None),
    "x TEXT CHECK (length(x) > 0)": (False, None, None),
    "x TEXT, y, CHECK (x IS NOT NULL OR y IS NOT NULL)": (False, None, None),
    "x TEXT, y, CHECK (y IS NULL AND x IS NOT NULL)": (True, None, None),
    "x TEXT CHECK (CASE WHEN x IS NULL THEN 1 ELSE x IS NOT NULL END)": (False, None, None),
    "x TEXT, end INT, CHECK (x IN ('a') AND end > 3 OR 1)": (False, None, None),
    "x TEXT CHECK (x BETWEEN 'a' AND 'b' OR x IS NULL)": (False, None, None),
    "x INTEGER CHECK (x BETWEEN 1 AND 2 AND x IS NOT NULL)": (True, None, None),
    "x INT, y INT, CHECK (y BETWEEN 2 AND x IS NOT NULL)": (False, None, None),
    "x TEXT CHECK (x IN ('1', 'b') AND x IN (1, 'b'))": (False, ("1", "b"), {"text"}),
    "x TEXT CHECK (x IN ('a', 'b'))": (False, ("a", "b"), {"text"}),
    "x TEXT NOT NULL CHECK (x IN ('a', 'b'))": (True, ("a", "b"), {"text"}),
    "x TEXT CHECK (x IS NULL OR x IN ('a', 'b'))": (False, ("a", "b"), {"text"}),
    "x TEXT CHECK (x IN ('a', NULL))": (False, None, None),
    "x TEXT CHECK (((x)) IN ('a'))": (False, ("a",), {"text"}),
    "x TEXT, CHECK ((x = 'a') OR (x == 'b'))": (False, ("a", "b"), {"text"}),
    "x TEXT CHECK (x IS 'a')": (True, ("a",), {"text"}),
    "x TEXT CHECK (x IS NOT NULL AND x IN ('a', 'b')) CHECK (x IN ('b', 'c'))": (True, ("b",), {"text"}),
    "x TEXT CHECK (x IN ('a') AND x IN (1, 'a'))": (False, ("a",), {"text"}),
    "x TEXT CHECK (x NOT IN ('a'))": (False, None, None),
    "x TEXT CHECK (x IN ('a') = 0)": (False, None, None),
    "x TEXT CHECK (x = 'a' COLLATE NOCASE)": (False, None, None),
    "x TEXT COLLATE NOCASE CHECK (x IN ('a'))": (False, None, None),
    "x TEXT COLLATE RTRIM CHECK (x = 'a')": (False, None, None),
    "x TEXT COLLATE BINARY CHECK (x = 'a')": (False, ("a",), {"text"}),
    "x TEXT CHECK (x IN (1, 2))": (False, ("1", "2"), {"text"}),
    "x INTEGER CHECK (x IN (1, 2, -1))": (False, (1, 2, -1), {"integer"}),
    "x INTEGER CHECK (x IN ('1', '2'))": (False, (1, 2), {"integer"}),
    "x INTEGER CHECK (x IN ('a'))": (False, ("a",), {"text"}),
    "x BOOLEAN CHECK (x IN (0, 1))": (False, (0, 1), {"integer"}),
    "x NUMERIC CHECK (x IN (2.5))": (False, None, None),
    "x NUMERIC CHECK (x IN ('1.0', 'a'))": (False, None, None),
    "x REAL CHECK (x IN (1, 2))": (False, None, None),
    "x CHECK (x IN (1, 2))": (False, None, None),
    "x CHECK (x IN ('a', '1'))": (False, ("a", "1"), {"text"}),
    "x BLOB CHECK (x IN ('a'))": (False, ("a",), {"text"}),
    "x CHECK (typeof(x) = 'integer' AND x IN (0, 1))": (True, (0, 1), {"integer"}),
    "x CHECK (typeof(x) = 'integer')": (True, None, {"integer"}),
    "x CHECK (typeof(x) IN ('text', 'null'))": (False, None, {"text"}),
    "x CHECK (typeof(x) = 'real' OR typeof(x) = 'blob')": (True, None, {"real", "blob"}),
    "x CHECK (x IS NULL OR typeof(x) IN ('integer', 'real'))": (False, None, {"integer", "real"}),
    "\"x\" CHECK (\"x\" IN ('a')) CHECK ('x' IN ('x'))": (False, ("a",), {"text"}),
    "[x] TEXT CHECK (`x` IN ('a'))": (False, ("a",), {"text"}),
    "x TEXT CHECK (t.x IN ('a'))": (False, ("a",), {"text"}),
    "x TEXT CHECK (x IN (\"a\", \"b\"))": (False, None, None),
    "x TEXT CHECK ('x' IN ('x'))": (False, None, None),
    "x INTEGER CHECK (x IN (9007199254740993))": (False, None, None),
    "x TEXT, y AS (x) CHECK (y IN ('a'))": (False, None, None),
}  # fmt: skip


@pytest.mark.parametrize("definition", CLAIMS)
def test_claims(definition: str) -> None:
    """The claims about x are these, and SQLite accepts nothing outside them."""
    (one,), connection = tables(f"CREATE TABLE t ({definition});")
    column = one.column("x")
    not_null, choices, stores = CLAIMS[definition]
    assert (column.not_null, column.choices, column.stores) == (not_null, choices, stores and frozenset(stores))
    assert wrong(connection, one, column) == []
    connection.close()


@pytest.mark.parametrize(
    ("definition", "end", "not_null"),
    [
        ("x TEXT PRIMARY KEY", "STRICT", True),
        ("x INT PRIMARY KEY", "STRICT", True),
        ("x INTEGER PRIMARY KEY", "STRICT", True),
        ("x ANY PRIMARY KEY", "STRICT", True),
        ("x ANY", "STRICT", False),
        ("x REAL", "STRICT", False),
        ("x INT", "STRICT", False),
        ("x ANY CHECK (x IN (1, 2))", "STRICT", False),
        ("x ANY CHECK (x IN ('1', '2'))", "STRICT", False),
        ("x TEXT CHECK (x IN (1, 'a'))", "STRICT", False),
        ("x INTEGER PRIMARY KEY", "WITHOUT ROWID", True),
        ("x TEXT PRIMARY KEY", "WITHOUT ROWID, STRICT", True),
        ("x TEXT, PRIMARY KEY (x)", "WITHOUT ROWID", True),
        ("x TEXT UNIQUE, y INT DEFAULT 1 PRIMARY KEY", "WITHOUT ROWID", False),
    ],
)
def test_tables_of_other_kinds(definition: str, end: str, not_null: bool) -> None:
    """STRICT tables and those WITHOUT ROWID: the same, and their keys are never NULL."""
    (one,), connection = tables(f"CREATE TABLE t ({definition}) {end};")
    column = one.column("x")
    assert column.not_null is not_null
    assert wrong(connection, one, column) == []
    # What is claimed to take NULL does.
    if not not_null:
        connection.execute("INSERT INTO t (x) VALUES (NULL)")
    connection.close()


@pytest.mark.parametrize("definition", CLAIMS)
def test_null_is_refused_only_where_it_is_said(definition: str) -> None:
    """A column that is claimed to take NULL takes it."""
    (one,), connection = tables(f"CREATE TABLE t ({definition});")
    if not one.column("x").not_null:
        others = [column.name for column in one.columns[1:] if not column.generated]
        values = ", ".join(["NULL", *("1" for _ in others)])
        connection.execute(f"INSERT INTO t ({', '.join(['x', *others])}) VALUES ({values})")
    connection.close()


def test_checks_of_added_columns() -> None:
    """A CHECK that ALTER TABLE ADD COLUMN brings is one like any other."""
    (one,), connection = tables(
        "CREATE TABLE t (a); ALTER TABLE t ADD x TEXT CHECK (x IN ('a')); ALTER TABLE t ADD y AS (a) NOT NULL;"
        "ALTER TABLE t RENAME x TO z;"
    )
    assert (one.column("z").choices, one.column("y").not_null) == (("a",), True)
    assert one.checks == ("z IN ('a')",)
    connection.close()


LITERALS = st.sampled_from(
    ["'a'", "'A'", "'1'", "'1.0'", "''", "1", "0", "-1", "2", "NULL", "1.0", "x'61'", "(1)", "+1"]
)
TYPES = st.sampled_from(["", "TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB", "VARCHAR(9)", "BOOLEAN", "DATE", "ANY"])
ATOMS = st.one_of(
    st.sampled_from(["x IS NULL", "x IS NOT NULL", "x NOTNULL", "NOT x IS NULL", "x > 0", "length(x)"]),
    st.sampled_from(["y", "y = 1", "1", "NULL"]),
    st.lists(LITERALS, min_size=1, max_size=3).map(lambda values: f"x IN ({', '.join(values)})"),
    st.builds(lambda way, value: f"x {way} {value}", st.sampled_from(["=", "==", "IS", "<>", "IS NOT"]), LITERALS),
    st.lists(
        st.sampled_from(["'integer'", "'text'", "'real'", "'blob'", "'null'"]), min_size=1, max_size=3
    ).map(lambda values: f"typeof(x) IN ({', '.join(values)})"),
    st.sampled_from(["typeof(x) = 'text'", "typeof(x) != 'null'", "typeof(x) IS 'integer'", "x BETWEEN 0 AND 'b'"]),
)  # fmt: skip
CHECKS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(lambda a, word, b: f"{a} {word} {b}", inner, st.sampled_from(["AND", "OR"]), inner),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"NOT {one}"),
        st.builds(lambda a, b, c: f"CASE WHEN {a} THEN {b} ELSE {c} END", inner, inner, inner),
    ),
    max_leaves=5,
)
COLLATIONS = st.sampled_from(["", "", " COLLATE NOCASE", " COLLATE RTRIM"])


@settings(max_examples=400)
@given(TYPES, COLLATIONS, st.lists(CHECKS, min_size=1, max_size=2), st.booleans())
def test_no_check_is_believed_too_much(declared: str, collation: str, checks: list[str], in_table: bool) -> None:
    """Whatever the CHECKs say, SQLite accepts nothing that the claims about the column leave out."""
    written = " ".join(f"CHECK ({check})" for check in checks)
    definition = f"x {declared}{collation}, y, {written}" if in_table else f"x {declared}{collation} {written}, y"
    (one,), connection = tables(f"CREATE TABLE t ({definition});")
    assert wrong(connection, one, one.column("x")) == []
    connection.close()


def test_the_project_s_own_schema() -> None:
    """Every column of this project's schema is what SQLite accepts, as far as a row with it alone can tell."""
    text = (Path(__file__).parents[2] / "schema.sql").read_text()
    found, connection = tables(text)
    for one in found:
        for column in one.columns:
            assert wrong(connection, one, column) == []
    connection.close()
