"""What a change of schema is said to lose, and on which rows to fail: no more and no less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codegen.migrations import command

from .project import Project

if TYPE_CHECKING:
    from pathlib import Path

T = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);\n"
U = "CREATE TABLE u (a TEXT PRIMARY KEY, b TEXT);\n"
NOTHING: list[str] = []
CASES: dict[str, tuple[str, str, list[str]]] = {
    "a column at the end": (T, T.replace("b TEXT", "b TEXT, c TEXT"), NOTHING),
    "a column with a unique default": (
        T,
        T.replace("b TEXT", "b TEXT, c TEXT DEFAULT 'x' UNIQUE"),
        ["can fail: rows of t that are equal in (c)"],
    ),
    "a unique column of NULL": (T, T.replace("b TEXT", "b TEXT, c TEXT UNIQUE"), NOTHING),
    "a default that its CHECK takes": (T, T.replace("b TEXT", "b TEXT, c INT DEFAULT 5 CHECK (c > 3)"), NOTHING),
    "a default that its CHECK refuses": (
        T,
        T.replace("b TEXT", "b TEXT, c INT DEFAULT 2 CHECK (c > 3)"),
        ["can fail: rows of t for which CHECK (c > 3) is false"],
    ),
    "a foreign key of NULL": (T, T.replace("b TEXT", "b TEXT, c INT REFERENCES t (id)"), NOTHING),
    "a foreign key of what is there": (
        T,
        T.replace("b TEXT", "b TEXT REFERENCES t (id)"),
        ["can fail: rows of t without a parent in t for (b)"],
    ),
    "a generated column": (T, T.replace("b TEXT", "b TEXT, c AS (a || b) STORED"), NOTHING),
    "a generated column goes": (T.replace("b TEXT", "b TEXT, c AS (a || b)"), T, NOTHING),
    "a generated column, NOT NULL": (
        T,
        T.replace("b TEXT", "b TEXT, c AS (a || b) STORED NOT NULL"),
        ["can fail: rows where t.c would be computed as NULL"],
    ),
    "a column becomes generated": (
        T,
        T.replace("b TEXT", "b TEXT AS (a)"),
        ["lost: values of t.b: it is computed from now on"],
    ),
    "the same affinity": (T, T.replace("b TEXT", "b VARCHAR(20)"), NOTHING),
    "no affinity": (T, T.replace("b TEXT", "b BLOB"), NOTHING),
    "INTEGER to NUMERIC": (T.replace("b TEXT", "b INTEGER"), T.replace("b TEXT", "b DECIMAL"), NOTHING),
    "TEXT to INTEGER": (
        T,
        T.replace("b TEXT", "b INTEGER"),
        ["lost: values of t.b as they are: TEXT becomes INTEGER, SQLite converts"],
    ),
    "a key of converted values": (
        U,
        U.replace("a TEXT", "a REAL"),
        [
            "lost: values of u.a as they are: TEXT becomes REAL, SQLite converts",
            "can fail: rows of u that are equal in (a)",
        ],
    ),
    "a key over converted values": (
        T.replace("b TEXT", "b TEXT, c AS (a), UNIQUE (c)"),
        T.replace("b TEXT", "b TEXT, c AS (a), UNIQUE (c)").replace("a TEXT", "a REAL"),
        [
            "lost: values of t.a as they are: TEXT becomes REAL, SQLite converts",
            "can fail: rows of t that are equal in (c)",
        ],
    ),
    "a key in another collation": (
        U,
        U.replace("a TEXT", "a TEXT COLLATE NOCASE"),
        ["can fail: rows of u that are equal in (a)"],
    ),
    "a wider key": (T.replace("b TEXT", "b TEXT, UNIQUE (a)"), T.replace("b TEXT", "b TEXT, UNIQUE (a, b)"), NOTHING),
    "a narrower key": (
        T.replace("b TEXT", "b TEXT, UNIQUE (a, b)"),
        T.replace("b TEXT", "b TEXT, UNIQUE (a)"),
        ["can fail: rows of t that are equal in (a)"],
    ),
    "a unique index": (
        T,
        T + "CREATE UNIQUE INDEX i ON t (b);",
        ["can fail: rows of t that are equal under the unique index i"],
    ),
    "a unique index over converted values": (
        T + "CREATE UNIQUE INDEX i ON t (b);",
        T.replace("b TEXT", "b REAL") + "CREATE UNIQUE INDEX i ON t (b);",
        [
            "lost: values of t.b as they are: TEXT becomes REAL, SQLite converts",
            "can fail: rows of t that are equal under the unique index i",
        ],
    ),
    "NOT NULL": (
        T,
        T.replace("b TEXT", "b TEXT NOT NULL"),
        ["can fail: rows where t.b is NULL, for it becomes NOT NULL"],
    ),
    "NOT NULL with a backfill": (
        T,
        T.replace("b TEXT", "b TEXT NOT NULL -- backfill: 'x'\n"),
        ["lost: NULL in t.b: it becomes 'x'"],
    ),
    "NOT NULL of the rowid": (T, T.replace("PRIMARY KEY", "PRIMARY KEY NOT NULL"), NOTHING),
    "NULL": (T.replace("b TEXT", "b TEXT NOT NULL"), T, NOTHING),
    "a default": (T, T.replace("b TEXT", "b TEXT DEFAULT 'x'"), NOTHING),
    "a CHECK": (
        T,
        T.replace("b TEXT", "b TEXT CHECK (b > a)"),
        ["can fail: rows of t for which CHECK (b > a) is false"],
    ),
    "no CHECK": (T.replace("b TEXT", "b TEXT CHECK (b > a)"), T, NOTHING),
    "a CHECK by name": (
        T.replace("b TEXT", "b TEXT CHECK (b > a)"),
        T.replace("b TEXT", "b TEXT, CONSTRAINT high CHECK (b > a)"),
        NOTHING,
    ),
    "STRICT": (
        T,
        T.replace(");", ") STRICT;"),
        [
            "can fail: rows where t.id is not INTEGER, for the table is STRICT",
            "can fail: rows where t.a is not TEXT, for the table is STRICT",
            "can fail: rows where t.b is not TEXT, for the table is STRICT",
        ],
    ),
    "another word for the type, STRICT": (
        "CREATE TABLE s (a INT) STRICT;",
        "CREATE TABLE s (a INTEGER) STRICT;",
        NOTHING,
    ),
    "not STRICT": (T.replace(");", ") STRICT;"), T, NOTHING),
    "WITHOUT ROWID": (
        U,
        U.replace(");", ") WITHOUT ROWID;"),
        ["can fail: rows where u.a is NULL, for it becomes NOT NULL", "lost: the rowids of u"],
    ),
    "a rowid": (U.replace(");", ") WITHOUT ROWID;"), U, NOTHING),
    "AUTOINCREMENT goes": (
        T.replace("PRIMARY KEY", "PRIMARY KEY AUTOINCREMENT"),
        T,
        ["lost: the highest id that t ever gave: it can come again"],
    ),
    "another column becomes the rowid": (
        "CREATE TABLE r (a INTEGER, b);",
        "CREATE TABLE r (a INTEGER PRIMARY KEY, b);",
        ["can fail: rows where r.a is no integer, or one that another row has", "lost: the rowids of r"],
    ),
    "a parent goes": (
        T + "CREATE TABLE c (p INT REFERENCES t (id));",
        "CREATE TABLE c (p INT REFERENCES t (id));",
        ["lost: table t with all its rows", "can fail: rows of c without a parent in t for (p)"],
    ),
    "an index, a trigger and a view": (
        T + "CREATE INDEX i ON t (a); CREATE VIEW v AS SELECT 1;"
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;",
        T,
        NOTHING,
    ),
    "an external index": (T + "CREATE VIRTUAL TABLE f USING fts5(a, content='t');", T, NOTHING),
    "an index with its own text": (
        T + "CREATE VIRTUAL TABLE f USING fts5(a, b);",
        T + "CREATE VIRTUAL TABLE f USING fts5(a);",
        ["lost: column f.b with its values"],
    ),
    "an index without the languages of its texts": (
        "CREATE VIRTUAL TABLE f USING fts4(a, languageid=l);",
        "CREATE VIRTUAL TABLE f USING fts4(a);",
        ["lost: column f.l with its values"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_lost(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A change announces exactly what it can lose; where that is nothing it needs no flag."""
    old, new, expected = CASES[case]
    project = Project(tmp_path).start(old)
    assert project.diff(new) == (2 if expected else 0)
    assert project.diff(new, "--name", "change", "--allow-loss") == 0
    options = command.Options((tmp_path / "schema.sql",), project.migrations)
    assert not list(command.migrations(options))
    said = capsys.readouterr().err
    found = [
        line.removeprefix(f"{project.migrations}: ")
        for line in said.splitlines()
        if line.startswith(str(project.migrations))
    ]
    assert sorted(found) == sorted(expected)
