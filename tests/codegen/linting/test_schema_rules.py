"""Each rule of the schema fires where it should, and not where it should not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from codegen.linting.rules import OF_SCHEMAS

from .looking import in_schema

if TYPE_CHECKING:
    from pathlib import Path


class Case(NamedTuple):
    """rule: what fires. object: about what. schema: where it fires. fine: schemas where it does not."""

    rule: str
    object: str
    schema: str
    fine: tuple[str, ...]


PARENT = "CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT NOT NULL, UNIQUE (a, b));\n"

CASES = (
    Case(
        "duplicate-index",
        "i2",
        "CREATE TABLE t (a TEXT, b TEXT); CREATE INDEX i1 ON t (a, b); CREATE INDEX i2 ON t (A, b);",
        (
            "CREATE TABLE t (a TEXT, b TEXT); CREATE INDEX i1 ON t (a, b); CREATE INDEX i2 ON t (b, a);",
            "CREATE TABLE t (a TEXT); CREATE INDEX i1 ON t (a); CREATE INDEX i2 ON t (a COLLATE NOCASE);",
            "CREATE TABLE t (a TEXT); CREATE INDEX i1 ON t (a); CREATE INDEX i2 ON t (a DESC);",
            "CREATE TABLE t (a TEXT, b TEXT); CREATE INDEX i1 ON t (a); CREATE INDEX i2 ON t (a) WHERE b = 'B';",
            "CREATE TABLE t (a, b); CREATE INDEX i1 ON t (a) WHERE b='b'; CREATE INDEX i2 ON t (a) WHERE b='B';",
        ),
    ),
    Case("duplicate-index", "i", "CREATE TABLE t (a TEXT UNIQUE); CREATE INDEX i ON t (a);", ()),
    Case("duplicate-index", "i", "CREATE TABLE t (a TEXT NOT NULL PRIMARY KEY); CREATE UNIQUE INDEX i ON t (a);", ()),
    Case(
        "duplicate-index", "i", "CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a); CREATE UNIQUE INDEX u ON t (a);", ()
    ),
    Case(
        "duplicate-index",
        "i",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX i ON t (id);",
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX i ON t (id) WHERE a IS NULL;",),
    ),
    Case(
        "duplicate-index",
        "i2",
        "CREATE TABLE t (a); CREATE INDEX i1 ON t (lower(a)) WHERE a > 1; CREATE INDEX i2 ON t (LOWER( a )) WHERE A>1;",
        (),
    ),
    Case(
        "prefix-index",
        "i",
        "CREATE TABLE t (a TEXT, b TEXT); CREATE INDEX i ON t (a); CREATE INDEX j ON t (a, b);",
        (
            "CREATE TABLE t (a TEXT, b TEXT); CREATE UNIQUE INDEX i ON t (a); CREATE INDEX j ON t (a, b);",
            "CREATE TABLE t (a TEXT, b TEXT); CREATE INDEX i ON t (b); CREATE INDEX j ON t (a, b);",
            "CREATE TABLE t (a TEXT, b TEXT); CREATE INDEX i ON t (a); CREATE INDEX j ON t (a, b) WHERE b IS NULL;",
            "CREATE TABLE t (a TEXT, b TEXT); CREATE INDEX i ON t (a) WHERE b IS NULL; CREATE INDEX j ON t (a, b);",
        ),
    ),
    Case("prefix-index", "i", "CREATE TABLE t (a TEXT, b TEXT, UNIQUE (a, b)); CREATE INDEX i ON t (a);", ()),
    Case(
        "unindexed-foreign-key",
        "c(x)",
        PARENT + "CREATE TABLE c (x INTEGER REFERENCES p (id), y INTEGER); CREATE INDEX i ON c (y, x);",
        (
            PARENT + "CREATE TABLE c (x INTEGER REFERENCES p, y INTEGER); CREATE INDEX i ON c (x, y);",
            PARENT + "CREATE TABLE c (x INTEGER PRIMARY KEY REFERENCES p (id));",
            PARENT + "CREATE TABLE c (x INTEGER NOT NULL REFERENCES p, y TEXT, PRIMARY KEY (x, y)) WITHOUT ROWID;",
            PARENT + "CREATE TABLE c (x TEXT, y TEXT, FOREIGN KEY (x, y) REFERENCES p (a, b), UNIQUE (y, x));",
            PARENT + "CREATE TABLE c (x TEXT UNIQUE, y TEXT, FOREIGN KEY (x, y) REFERENCES p (a, b));",
            PARENT + "CREATE TABLE c (x INTEGER REFERENCES p); CREATE INDEX i ON c (x) WHERE x IS NOT NULL;",
        ),
    ),
    Case(
        "unindexed-foreign-key",
        "c(x)",
        PARENT + "CREATE TABLE c (x INTEGER REFERENCES p, y INTEGER); CREATE INDEX i ON c (x) WHERE y IS NOT NULL;",
        (),
    ),
    Case("dangling-foreign-key", "c(x)", "CREATE TABLE c (x INTEGER PRIMARY KEY REFERENCES nobody (id));", ()),
    Case("dangling-foreign-key", "c(x)", PARENT + "CREATE TABLE c (x INTEGER PRIMARY KEY REFERENCES p (ID2));", ()),
    Case(
        "dangling-foreign-key",
        "c(x)",
        "CREATE TABLE p (a TEXT, b TEXT, PRIMARY KEY (a, b)); CREATE TABLE c (x TEXT UNIQUE REFERENCES p);",
        ("CREATE TABLE p (a TEXT NOT NULL PRIMARY KEY); CREATE TABLE c (x TEXT UNIQUE REFERENCES P);",),
    ),
    Case(
        "foreign-key-to-no-key",
        "c(x)",
        PARENT + "CREATE TABLE c (x TEXT UNIQUE REFERENCES p (a));",
        (
            PARENT + "CREATE UNIQUE INDEX u ON p (a); CREATE TABLE c (x TEXT UNIQUE REFERENCES p (a));",
            PARENT + "CREATE TABLE c (x TEXT UNIQUE, y TEXT, FOREIGN KEY (x, y) REFERENCES p (B, A));",
        ),
    ),
    Case(
        "foreign-key-to-no-key",
        "c(x)",
        PARENT + "CREATE UNIQUE INDEX u ON p (a) WHERE a > 'a'; CREATE TABLE c (x TEXT UNIQUE REFERENCES p (a));",
        (),
    ),
    Case(
        "nullable-key",
        "t",
        "CREATE TABLE t (a TEXT PRIMARY KEY);",
        (
            "CREATE TABLE t (a INTEGER PRIMARY KEY);",
            "CREATE TABLE t (a TEXT NOT NULL PRIMARY KEY);",
            "CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID;",
            "CREATE TABLE t (a TEXT);",
        ),
    ),
    Case("nullable-key", "t", "CREATE TABLE t (a INTEGER PRIMARY KEY DESC);", ()),
    Case("nullable-key", "t", "CREATE TABLE t (a TEXT NOT NULL, b TEXT, PRIMARY KEY (a, b));", ()),
    Case("untyped-column", "t.b", "CREATE TABLE t (a TEXT, b);", ("CREATE TABLE t (a TEXT, b BLOB);",)),
    Case(
        "misleading-type",
        "t.a",
        "CREATE TABLE t (a STRING);",
        tuple(
            f"CREATE TABLE t (a {declared});"
            for declared in (
                *(
                    "TEXT",
                    "JSON TEXT",
                    "VARCHAR(20)",
                    "INT",
                    "BIGINT UNSIGNED",
                    "UNSIGNED BIG INT",
                    "TINYINT(1)",
                    "POINT",
                ),
                *(
                    "INTEGER",
                    "DATETIME",
                    "BOOLEAN",
                    "DECIMAL(10,2)",
                    "REAL",
                    "DOUBLE PRECISION",
                    "BLOB",
                    "VARBINARY(16)",
                ),
            )
        ),
    ),
    *(
        Case("misleading-type", "t.a", f"CREATE TABLE t (a {declared});", ())
        for declared in ("JSON", "UUID", "FLOATING POINT", "INTERVAL", "FINGERPRINT", "CHARINT")
    ),
    Case(
        "autoincrement",
        "t",
        "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT);",
        ("CREATE TABLE t (a INTEGER PRIMARY KEY, autoincrements TEXT, b TEXT DEFAULT 'AUTOINCREMENT');",),
    ),
    Case(
        "default-kind",
        "t.a",
        "CREATE TABLE t (a INTEGER DEFAULT CURRENT_TIMESTAMP);",
        (
            "CREATE TABLE t (a INTEGER DEFAULT 1, b INT DEFAULT '1', c INTEGER DEFAULT NULL, d INT DEFAULT -1);",
            "CREATE TABLE t (a REAL DEFAULT 1, b NUMERIC DEFAULT 1.5, c BOOLEAN DEFAULT TRUE, d TEXT DEFAULT 0);",
            "CREATE TABLE t (a DATETIME DEFAULT CURRENT_TIMESTAMP, b DATE DEFAULT CURRENT_DATE);",
            "CREATE TABLE t (a DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')), b BLOB DEFAULT x'00');",
            "CREATE TABLE t (a JSON TEXT DEFAULT '{}');",
        ),
    ),
    *(
        Case("default-kind", "t.a", f"CREATE TABLE t (a {definition});", ())
        for definition in (
            "INTEGER DEFAULT ''",
            "INTEGER DEFAULT none",
            "INTEGER DEFAULT 'none') STRICT; --",
            "INTEGER DEFAULT 0.5",
            "REAL DEFAULT 'none'",
            "BOOLEAN DEFAULT 'true'",
            "BOOLEAN DEFAULT 2",
            "DATETIME DEFAULT 0",
            "DATETIME DEFAULT (strftime('%s'))",
            "DATETIME DEFAULT CURRENT_DATE",
            "DATE DEFAULT CURRENT_TIMESTAMP",
            "BLOB DEFAULT ''",
        )
    ),
    Case(
        "date-default-in-text",
        "t.a",
        "CREATE TABLE t (a TEXT DEFAULT CURRENT_TIMESTAMP);",
        ("CREATE TABLE t (a TEXT DEFAULT '', b TEXT DEFAULT '2020-01-01', c DATETIME DEFAULT CURRENT_TIMESTAMP);",),
    ),
    Case("date-default-in-text", "t.a", "CREATE TABLE t (a VARCHAR(30) DEFAULT (datetime('now')));", ()),
    Case(
        "double-quoted-string",
        '"b"',
        'CREATE TABLE t (a TEXT CHECK (a <> "b"));',
        ('CREATE TABLE t ("a" TEXT, "b" TEXT CHECK ("b" <> "a")); CREATE INDEX "i" ON "t" ("a");',),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.schema[-60:]}")
def test_a_rule_fires_where_it_should(case: Case, tmp_path: Path) -> None:
    """A doubtful schema gives the one finding that it is made for, at the object that is meant."""
    found = [one for one in in_schema(tmp_path, case.schema) if one.rule == case.rule]
    assert [one.object for one in found] == [case.object]
    assert found[0].file.endswith("schema.sql")
    assert 1 <= found[0].line <= case.schema.count("\n") + 1


@pytest.mark.parametrize(
    ("rule", "schema"),
    [(case.rule, schema) for case in CASES for schema in case.fine],
    ids=lambda text: text[-60:],
)
def test_a_rule_is_silent_where_nothing_is_wrong(rule: str, schema: str, tmp_path: Path) -> None:
    """What looks like a finding and is none is not told."""
    assert [one for one in in_schema(tmp_path, schema) if one.rule == rule] == []


def test_every_rule_is_shown() -> None:
    """Each rule of the schema has a case where it fires and one where it does not, and names SQLite's page."""
    for rule in OF_SCHEMAS:
        cases = [case for case in CASES if case.rule == rule.name]
        assert cases, rule.name
        assert any(case.fine for case in cases) or rule.name == "dangling-foreign-key", rule.name
        assert rule.page.startswith("https://www.sqlite.org/")
