"""Double-quoted string literals: each is found, and no name is taken for one."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.errors import GenerationError, Note
from codegen.reading.introspect import read_schema
from codegen.reading.quoting import refuse_double_quoted
from codegen.reading.sources import Script
from codegen.reading.tokens import folded, split

if TYPE_CHECKING:
    from collections.abc import Sequence


def strings(schema: str) -> list[str]:
    """What is noted as a string, by its text; anything else that is noted is an error."""
    notes: list[Note] = []
    _, connection = read_schema([Script("s.sql", schema)], notes.append)
    connection.close()
    assert {note.rule for note in notes} <= {"double-quoted", "stand-in"}, notes
    lines = schema.split("\n")
    found = [note for note in notes if note.rule == "double-quoted"]
    return [lines[note.line - 1][note.column - 1 :].split('"')[1] for note in found]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ('CREATE TABLE t ("a" TEXT DEFAULT "a");', ["a"]),
        ('CREATE TABLE t ("a" CHECK ("a" IN ("on", "off")));', ["on", "off"]),
        ('CREATE TABLE t (a CHECK (a = "t"));', ["t"]),
        ('CREATE TABLE t (a CHECK (a = "b"), b);', []),
        ('CREATE TABLE t (a, b AS (a || "x"));', ["x"]),
        ('CREATE TABLE t (a); CREATE INDEX i ON t ("b");', ["b"]),
        ('CREATE TABLE t (a); CREATE INDEX i ON t (a) WHERE a <> "none";', ["none"]),
        ('CREATE TABLE t (a, "class"); CREATE INDEX i ON t ("class");', []),
        ('CREATE TABLE t (a); CREATE VIEW v AS SELECT a AS "b", "c" FROM t ORDER BY "b";', ["c"]),
        ('CREATE VIEW v AS SELECT "a" FROM t; CREATE TABLE t (a);', []),
        ('CREATE VIEW v AS WITH "w" ("n") AS (SELECT 1) SELECT "n", "w"."n" FROM "w";', []),
        ('CREATE TABLE t (a); CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = "x"; END;', ["x"]),
        ('CREATE TABLE t (a); CREATE TRIGGER g AFTER UPDATE OF a ON t WHEN NEW."a" = "y" BEGIN SELECT 1; END;', ["y"]),
        ('CREATE TABLE t (a); CREATE TRIGGER g BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, "no"); END;', []),
        ('CREATE TABLE t (a "INTEGER" COLLATE "nocase" CONSTRAINT "c" UNIQUE);', []),
        ('CREATE TABLE t (a, FOREIGN KEY ("a") REFERENCES "u" ("b"));', []),
        ('CREATE TABLE t (a); ALTER TABLE t ADD COLUMN "b" TEXT DEFAULT "x"; ALTER TABLE "t" RENAME TO "u";', ["x"]),
        ('CREATE VIRTUAL TABLE f USING fts5("body", tokenize = "porter");', []),
        ('CREATE TABLE "rowid" (a); CREATE VIEW v AS SELECT "rowid", "oid" FROM "rowid";', []),
        ('CREATE TABLE t (a); CREATE VIEW v AS SELECT json_extract(a, "$.b"), a ->> "c" FROM t;', ["$.b", "c"]),
        ('CREATE TABLE t (a CHECK (own("a", "b")));', ["b"]),
    ],
)  # fmt: skip
def test_strings_in_a_schema(schema: str, expected: list[str]) -> None:
    """A double-quoted token that SQLite takes for a string is noted, a name is not."""
    assert strings(schema) == expected


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ('SELECT "a" FROM t WHERE "b" = :x', ""),
        ('SELECT a FROM t WHERE b = "x"', '"x"'),
        ('SELECT a AS "x" FROM t ORDER BY "x"', ""),
        ('SELECT a AS "x" FROM t GROUP BY "x" HAVING "y" > :n', '"y"'),
        ('INSERT INTO t ("a") VALUES ("a") RETURNING "a" AS "z"', '"a"'),
        ('UPDATE t SET "a" = excluded FROM (SELECT 1 AS "excluded") WHERE "t"."b" = :x', ""),
    ],
)
def test_strings_in_a_query(query: str, refused: str) -> None:
    """In a query such a string is an error at its place; parameters do not matter."""
    _, connection = read_schema([Script("s.sql", "CREATE TABLE t (a, b);")], print)
    (statement,) = split(query, "q.sql")
    if not refused:
        refuse_double_quoted(connection, statement)
    else:
        with pytest.raises(GenerationError) as caught:
            refuse_double_quoted(connection, statement)
        assert caught.value.message.startswith(refused)
        assert query[caught.value.column - 1 :].startswith(refused)
    connection.close()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


KEYWORDS = (
    "select from where order group index table class rowid key values default check null true current_time".split()
)
NAMES = st.one_of(
    st.sampled_from([*KEYWORDS, *map(str.upper, KEYWORDS)]),
    st.sampled_from(["a b", "", "1", "a.b", "it's", 'say "x"', "`", "]", "--", "/*"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6),
)  # fmt: skip


def usable(names: Sequence[str]) -> bool:
    return len({folded(name) for name in names}) == len(names) and not any(
        folded(name).startswith("sqlite_") for name in names
    )  # fmt: skip


@settings(max_examples=150)
@given(st.lists(NAMES, min_size=8, max_size=8).filter(usable))
def test_quoted_names_are_no_strings(names: list[str]) -> None:
    """In a schema whose names are all in double quotes nothing is taken for a string, whatever the names are."""
    t, u, v, i, g, *columns = [quoted(name) for name in names]
    a, b, c = columns
    schema = (
        f"CREATE TABLE {t} ({a} TEXT NOT NULL, {b} INTEGER CHECK ({b} > 0), {c} AS ({a} || {b}), PRIMARY KEY ({b}),\n"
        f"  CONSTRAINT {i} CHECK ({a} <> ''));\n"
        f"CREATE TABLE {u} ({a} INTEGER REFERENCES {t} ({b}), {c} TEXT);\n"
        f"CREATE INDEX {i} ON {t} ({a}, {b} DESC) WHERE {a} IS NOT NULL;\n"
        f"CREATE VIEW {v} ({b}) AS SELECT {t}.{a} AS {g} FROM {t} JOIN {u} AS {c} ON {c}.{a} = {t}.{b} ORDER BY {g};\n"
        f"CREATE TRIGGER {g} AFTER UPDATE OF {a} ON {t} BEGIN UPDATE {u} SET {c} = NEW.{a} WHERE {a} = OLD.{b}; END;\n"
        f"ALTER TABLE {u} ADD COLUMN {b} TEXT;"
    )
    assert strings(schema) == []
    notes: list[Note] = []
    catalog, connection = read_schema([Script("s.sql", schema)], notes.append, strict=True)
    assert [table.name for table in (*catalog.tables, *catalog.views)] == names[:3]
    assert [column.name for column in catalog.tables[0].columns] == names[5:]
    connection.close()


def test_a_string_is_what_sqlite_makes_of_it() -> None:
    """What is noted is what SQLite, told to take no such strings, refuses; where Python can tell it so."""
    connection = sqlite3.connect(":memory:")
    if not hasattr(connection, "setconfig"):
        pytest.skip("sqlite3.Connection.setconfig is of Python 3.12")
    connection.setconfig(getattr(sqlite3, "SQLITE_DBCONFIG_DQS_DDL"), False)  # noqa: B009
    for sql in ('CREATE TABLE t (a CHECK (a = "x"))', 'CREATE TABLE t (a, b AS (a || "x"))'):
        assert strings(sql + ";") == ["x"]
        with pytest.raises(sqlite3.OperationalError):
            connection.execute(sql)
    connection.close()
