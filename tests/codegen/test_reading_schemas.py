"""What a schema may hold: dumps, statements in any order, ALTERs, what this SQLite lacks, odd names."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from codegen.errors import GenerationError
from codegen.reading.introspect import read_schema
from codegen.reading.sources import Script
from codegen.reading.stubs import stand_in

if TYPE_CHECKING:
    from codegen.reading.catalog import Catalog, Table


def read(*texts: str, strict: bool = False) -> tuple[Catalog, list[str]]:
    """The catalog of the files 1.sql, 2.sql, … and its notes."""
    scripts = [Script(f"{number}.sql", text) for number, text in enumerate(texts, 1)]
    notes: list[str] = []
    catalog, connection = read_schema(scripts, lambda note: notes.append(str(note)), strict)
    connection.close()
    return catalog, notes


def table(catalog: Catalog, name: str) -> Table:
    found = catalog.relation(name)
    assert found is not None
    return found


def columns(catalog: Catalog, name: str) -> list[str]:
    return [column.name for column in table(catalog, name).columns]


DUMP = """PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "t" (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);
INSERT INTO t VALUES(1,'a; CREATE TABLE no (a);');
INSERT INTO "t" VALUES(2,replace('x\\ny','\\n',char(10)));
PRAGMA writable_schema=ON;
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','f','f',0,'CREATE VIRTUAL TABLE f USING
fts5(body)');
CREATE TABLE IF NOT EXISTS 'f_data'(id INTEGER PRIMARY KEY, block BLOB);
CREATE TABLE 'f_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
CREATE TABLE sqlite_stat1(tbl,idx,stat);
CREATE TABLE sqlite_sequence(name,seq);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('t',2);
CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT CASE WHEN NEW.id > 1 THEN 1 ELSE 2 END; END;
PRAGMA writable_schema=OFF;
ANALYZE sqlite_schema;
COMMIT;
"""


def test_a_dump_is_a_schema() -> None:
    """What `.dump` writes is read: no data, no tables of SQLite's own, and virtual tables that it writes as rows."""
    catalog, notes = read(DUMP)
    assert [one.name for one in (*catalog.tables, *catalog.virtual_tables)] == ["t", "f"]
    assert [one.name for one in catalog.triggers] == ["tr"]
    assert table(catalog, "f").line == 7
    assert notes == []


def test_its_statements_build_it_again() -> None:
    """The catalog's script builds the same schema."""
    catalog, _ = read(DUMP, "ALTER TABLE t ADD COLUMN more TEXT; CREATE VIEW v AS SELECT more FROM t;")
    again, notes = read(";\n".join(catalog.script))
    assert notes == []
    assert again.script == catalog.script
    assert [one.columns[-1].name for one in again.tables] == ["more"]


def test_statements_in_any_order() -> None:
    """An index, a trigger, a view and a table AS SELECT may stand before what they need."""
    catalog, notes = read(
        "CREATE INDEX i ON t (a); CREATE TABLE copy AS SELECT b FROM w; CREATE VIEW w AS SELECT a AS b FROM t;\n"
        "CREATE TRIGGER tr INSTEAD OF INSERT ON w BEGIN SELECT 1; END; ALTER TABLE t ADD COLUMN c;",
        "CREATE TABLE t (a INTEGER);",
    )
    assert notes == []
    assert (columns(catalog, "t"), columns(catalog, "copy"), columns(catalog, "w")) == (["a", "c"], ["b"], ["b"])
    assert [(one.name, one.file, one.line) for one in table(catalog, "t").indexes] == [("i", "1.sql", 1)]
    assert [one.name for one in catalog.triggers] == ["tr"]


@pytest.mark.parametrize(
    "data",
    [
        "INSERT INTO t VALUES ('a;b', 'it''s; -- no', X'00');",
        'insert or replace INTO "t;u" VALUES ("x"";", [a;b], `c;`);',
        "REPLACE INTO t -- a comment; it's\n VALUES (1);",
        "INSERT/* ; ' */INTO t SELECT ';' /* ; */ FROM t;",
        "INSERT INTO t VALUES (1)\n;\n\n;INSERT INTO t VALUES ('\n;');",
    ],
)
def test_data_ends_where_its_statement_ends(data: str) -> None:
    """What is skipped as data ends at its own `;`, whatever its strings, names and comments hold; lines go on."""
    catalog, notes = read(f"CREATE TABLE t (a);\n{data}\nCREATE TABLE u (a);")
    assert notes == []
    assert [(one.name, one.line) for one in catalog.tables] == [("t", 1), ("u", 3 + data.count("\n"))]


def test_an_insert_in_a_trigger_is_no_data() -> None:
    """The statements in a trigger's body are part of the trigger."""
    catalog, notes = read(
        "CREATE TABLE t (a);\nCREATE TRIGGER g AFTER INSERT ON t BEGIN\nINSERT INTO t VALUES (';');\n"
        "REPLACE INTO t VALUES (1);\nEND;\nCREATE VIEW replace_all AS SELECT replace(a, 'x', 'y') AS b FROM t;"
    )
    assert notes == []
    assert catalog.triggers[0].sql.endswith("REPLACE INTO t VALUES (1);\nEND")
    assert columns(catalog, "replace_all") == ["b"]


def test_data_without_an_end_is_an_error() -> None:
    """An unclosed string in a dump is named with its place, and hides nothing behind it."""
    with pytest.raises(GenerationError, match=r"^1\.sql:2:23: unclosed string"):
        read("CREATE TABLE t (a);\nINSERT INTO t VALUES ('open);\nCREATE TABLE u (a);")


def test_a_stand_in_is_told_where_it_is_named() -> None:
    """A function that a second trigger names is noted in that trigger, though the first one is tried before it."""
    _, notes = read(
        "CREATE TABLE t (a);\nCREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;\n"
        "CREATE TRIGGER h AFTER INSERT ON t BEGIN\n  SELECT own(NEW.a);\nEND;"
    )
    assert [note.partition(" is not")[0] for note in notes] == ["1.sql:4:10: note: the function own"]


def test_commands_of_the_shell() -> None:
    """A line of the sqlite3 shell is noted and not run; a number that begins with a point is none."""
    catalog, notes = read(".mode box\n.open 'it''s\nCREATE TABLE t (a DEFAULT\n.5);\n.quit")
    assert [note.split(": ")[0] for note in notes] == ["1.sql:1:1", "1.sql:2:1", "1.sql:5:1"]
    assert table(catalog, "t").columns[0].default == ".5"


def test_altered_tables() -> None:
    """Columns and tables that were added, renamed and dropped are as SQLite has them, each with the place where it was
    said last; the documentation stays the table's."""
    catalog, notes = read(
        "-- The people.\nCREATE TABLE person (\n  id INTEGER PRIMARY KEY,\n  name TEXT,\n  old TEXT,\n  gone TEXT\n);\n"
        "CREATE INDEX by_name ON person (name);",
        "ALTER TABLE person ADD COLUMN state TEXT NOT NULL DEFAULT 'a' CHECK (state IN ('a', 'b'));\n"
        "ALTER TABLE main.person\n  RENAME old TO new;\nALTER TABLE person DROP COLUMN gone;\n"
        'ALTER TABLE "person" RENAME TO people;\nALTER TABLE people ADD boss INTEGER REFERENCES people (id);',
    )
    assert notes == []
    one = table(catalog, "people")
    assert (one.doc, one.file, one.line) == ("The people.", "1.sql", 2)
    assert [(column.name, column.file, column.line) for column in one.columns] == [
        ("id", "1.sql", 3),
        ("name", "1.sql", 4),
        ("new", "2.sql", 3),
        ("state", "2.sql", 1),
        ("boss", "2.sql", 6),
    ]
    assert one.column("state").choices == ("a", "b")
    assert [(key.columns, key.table, key.targets, key.file, key.line) for key in one.foreign_keys] == [
        (("boss",), "people", ("id",), "2.sql", 6)
    ]
    assert [(index.name, index.file, index.line) for index in one.indexes] == [("by_name", "1.sql", 8)]


def test_a_table_made_anew() -> None:
    """The twelve steps of a rebuild, with a view that names the table that is gone for the moment, give the new table
    (https://www.sqlite.org/lang_altertable.html#otheralter)."""
    catalog, notes = read(
        "CREATE TABLE t (a INTEGER, b TEXT); CREATE VIEW v AS SELECT a FROM t;",
        "-- With a key.\nCREATE TABLE new_t (a INTEGER PRIMARY KEY, b TEXT NOT NULL);\n"
        "INSERT INTO new_t SELECT * FROM t;\nDROP TABLE t;\nALTER TABLE new_t RENAME TO t;",
    )
    assert notes == []
    one = table(catalog, "t")
    assert (one.key, one.doc, one.file, one.line) == (("a",), "With a key.", "2.sql", 2)
    assert columns(catalog, "v") == ["a"]


def test_what_was_dropped_is_gone() -> None:
    """A dropped table takes its indexes and triggers along, and its name can be used again."""
    catalog, notes = read(
        "DROP TABLE IF EXISTS t; DROP TABLE u; CREATE TABLE t (a); CREATE INDEX i ON t (a);\n"
        "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END; DROP TABLE t;\n"
        "CREATE TEMP TABLE x (a); DROP TABLE x; CREATE TABLE t (b);"
    )
    assert notes == ["1.sql:1:36: note: nothing to drop: no such table: u"]
    assert (columns(catalog, "t"), table(catalog, "t").indexes, catalog.triggers) == (["b"], (), ())


def test_what_this_sqlite_lacks_is_stood_in_for() -> None:
    """Functions, collations and tokenizers of the application are noted with their places and stood in for; the schema
    keeps its own words."""
    catalog, notes = read(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT COLLATE icu UNIQUE CHECK (valid(x, 1)), y AS (fold(x)));\n"
        "CREATE INDEX i ON t (sounds(x)) WHERE wanted(x);\n"
        "CREATE VIEW v AS SELECT best(x) OVER (ORDER BY id) AS b, lower(x, 2) AS l FROM t;\n"
        "CREATE TRIGGER tr AFTER UPDATE OF x ON t BEGIN SELECT notify(NEW.x); END;\n"
        "CREATE VIRTUAL TABLE f USING fts5(body, tokenize = 'simple 0');"
    )
    what = [note.partition(": note: ")[2].partition(" is not in")[0] for note in notes]
    assert sorted(what) == [
        "the collation icu",
        "the function best",
        "the function fold",
        "the function lower with so many arguments",
        "the function notify",
        "the function sounds",
        "the function valid",
        "the function wanted",
        "the tokenizer simple",
        "the window function best",
    ]
    assert all(":0:" not in note.partition(" ")[0] for note in notes)
    assert columns(catalog, "v") == ["b", "l"]
    assert table(catalog, "t").column("x").collation == "ICU"
    assert "tokenize = 'simple 0'" in table(catalog, "f").sql
    assert [one.name for one in catalog.triggers] == ["tr"]


def test_no_stand_in_is_tried_for_ever() -> None:
    """Where the same error comes again after its stand-in was made, it stands."""
    connection = sqlite3.connect(":memory:")
    tried: set[str] = set()
    error = sqlite3.OperationalError("no such function: own")
    assert stand_in(connection, error, tried) == "the function own"
    assert stand_in(connection, error, tried) is None
    connection.close()


def test_what_cannot_be_made_is_left_out() -> None:
    """A virtual table without its module, what needs it, and what SQLite cannot run are noted and left out."""
    catalog, notes = read(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);\nCREATE VIRTUAL TABLE vec USING vec0(embedding float[3]);\n"
        "CREATE VIEW upper_one AS SELECT * FROM lower_one;\nCREATE VIEW lower_one AS SELECT rowid AS r FROM vec;\n"
        "CREATE TRIGGER tr AFTER INSERT ON t BEGIN\n  INSERT INTO vec (rowid) VALUES (NEW.id);\nEND;\n"
        "CREATE VIEW broken AS SELECT missing FROM t;\nCREATE TRIGGER fine AFTER INSERT ON t BEGIN SELECT 1; END;\n"
        "ATTACH 'other.db' AS other;\nCREATE TABLE other.u (a);"
    )
    assert [note.split(" (hint")[0] for note in notes] == [
        "1.sql:2:32: note: the virtual table vec is left out: no such module: vec0",
        "1.sql:11:14: note: it is left out: unknown database other",
        "1.sql:3:1: note: the view upper_one is left out: no such table: main.vec",
        "1.sql:4:49: note: the view lower_one is left out: no such table: main.vec",
        "1.sql:6:15: note: the trigger tr is left out: no such table: main.vec; what fires it fails as well",
        "1.sql:8:30: note: the view broken is left out: no such column: missing",
    ]
    assert (catalog.views, catalog.virtual_tables) == ((), ())
    assert [one.name for one in catalog.triggers] == ["fine"]
    assert [sql.split()[1:3] for sql in catalog.script] == [
        ["TABLE", "t"],
        ["VIEW", "broken"],
        ["TRIGGER", "fine"],
    ]


@pytest.mark.parametrize(
    "schema",
    [
        "CREATE VIRTUAL TABLE v USING absent(a);",
        "CREATE TABLE t (a CHECK (absent(a)));",
        "CREATE TABLE t (a); CREATE VIEW v AS SELECT b FROM t;",
        "CREATE TABLE t (a DEFAULT \"x\");",
        ".mode box\nCREATE TABLE t (a);",
        "CREATE TABLE t (a); CREATE TEMP TABLE u (a);",
    ],
)  # fmt: skip
def test_strict_refuses_what_is_noted(schema: str) -> None:
    """With `strict` each note is an error at the same place."""
    try:
        _, notes = read(schema)
    except GenerationError:
        notes = []  # nothing is left without the virtual table
    with pytest.raises(GenerationError) as caught:
        read(schema, strict=True)
    assert not notes or str(caught.value) == notes[0].replace("note: ", "")


def test_a_temp_table_that_hides_one() -> None:
    """Names mean the schema's tables, also where a TEMP table hides one."""
    scripts = [Script("1.sql", "CREATE TABLE t (a); CREATE TEMP TABLE t (b); CREATE INDEX i ON t (b);")]
    notes: list[str] = []
    catalog, connection = read_schema(scripts, lambda note: notes.append(note.message))
    assert columns(catalog, "t") == ["a"]
    assert connection.execute("SELECT * FROM t").description[0][0] == "a"
    assert notes[0] == "no code is generated for the TEMP table t, which hides a table"
    connection.close()


def test_odd_names() -> None:
    """Keywords, quotes of all kinds, spaces, letters beyond ASCII and qualified names are names like any other."""
    catalog, notes = read(
        'CREATE TABLE IF NOT EXISTS main."select" ("from", [a b] INT, `c"d` REAL, "e""f", größe, \'g\', \u00a0x);\n'
        'CREATE UNIQUE INDEX main."group" ON "select" ("from", [a b] DESC) WHERE `c"d` > 1;\n'
        'CREATE VIEW "order" ("where", "by") AS SELECT "from", größe FROM "select";\n'
    )
    assert notes == []
    assert columns(catalog, "select") == ["from", "a b", 'c"d', 'e"f', "größe", "g", "\u00a0x"]
    assert columns(catalog, "order") == ["where", "by"]
    index = table(catalog, "select").indexes[0]
    assert [(term.column, term.descending) for term in index.terms] == [("from", False), ("a b", True)]
    assert index.where == '`c"d` > 1'


def test_indexes_and_keys() -> None:
    """The terms of an index with their collations, orders and expressions; foreign keys in the order written."""
    catalog, _ = read(
        "CREATE TABLE p (a, b, PRIMARY KEY (a, b));\n"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT COLLATE NOCASE REFERENCES q, y, z,\n"
        "  UNIQUE (y),\n  FOREIGN KEY (y, z) REFERENCES p ON DELETE CASCADE,\n"
        "  CONSTRAINT c FOREIGN KEY (z) REFERENCES t (id) ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED);\n"
        "CREATE INDEX i ON t (x, y COLLATE RTRIM DESC, lower(x) || ',)' COLLATE NOCASE ASC, z + 1)\n"
        "  WHERE z IS NOT NULL\n  AND y > 0;"
    )
    one = table(catalog, "t")
    index = next(index for index in one.indexes if index.name == "i")
    assert [(term.column, term.collation, term.descending, term.expression) for term in index.terms] == [
        ("x", "NOCASE", False, ""),
        ("y", "RTRIM", True, ""),
        (None, "BINARY", False, "lower(x) || ',)' COLLATE NOCASE"),
        (None, "BINARY", False, "z + 1"),
    ]
    assert (index.where, index.plain, index.line) == ("z IS NOT NULL\n  AND y > 0", False, 6)
    assert [
        (key.columns, key.table, key.targets, key.on_update, key.on_delete, key.line) for key in one.foreign_keys
    ] == [
        (("x",), "q", (), "NO ACTION", "NO ACTION", 2),
        (("y", "z"), "p", ("a", "b"), "NO ACTION", "CASCADE", 4),
        (("z",), "t", ("id",), "SET NULL", "NO ACTION", 5),
    ]


def test_virtual_tables() -> None:
    """The columns of full-text tables and R*Trees have the types that their modules store."""
    catalog, _ = read(
        "CREATE VIRTUAL TABLE f USING fts5(title, body UNINDEXED, tokenize = porter);\n"
        "CREATE VIRTUAL TABLE g USING FTS4(body);\n"
        "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +name TEXT, +extra);\n"
        "CREATE VIRTUAL TABLE ri USING rtree_i32(id, x0, x1);\n"
        "CREATE VIRTUAL TABLE words USING fts5vocab(f, row);"
    )
    assert {one.name: one.module for one in catalog.virtual_tables} == {
        "f": "fts5",
        "g": "fts4",
        "r": "rtree",
        "ri": "rtree_i32",
        "words": "fts5vocab",
    }

    def told(name: str) -> list[tuple[str, str, bool, bool]]:
        return [(one.name, one.declared, one.not_null, one.hidden) for one in table(catalog, name).columns]

    assert told("f") == [
        ("title", "TEXT", False, False),
        ("body", "TEXT", False, False),
        ("f", "TEXT", False, True),
        ("rank", "REAL", False, True),
    ]
    assert told("g")[:2] == [("body", "TEXT", False, False), ("g", "TEXT", False, True)]
    assert told("r") == [
        ("id", "INTEGER", True, False),
        ("x0", "REAL", True, False),
        ("x1", "REAL", True, False),
        ("name", "TEXT", False, False),
        ("extra", "", False, False),
    ]
    assert [one[1] for one in told("ri")] == ["INTEGER"] * 3
    assert [(one.key, one.rowid, one.rowid_column) for one in catalog.virtual_tables[:3:2]] == [
        ((), "rowid", None),
        (("id",), "id", "id"),
    ]


def test_generated_columns_and_views() -> None:
    """Generated columns carry their expression; a view's columns are its own."""
    catalog, _ = read(
        "CREATE TABLE t (a INTEGER, b INTEGER AS (a * (2 + 1)) STORED,\n"
        "  c TEXT GENERATED ALWAYS AS ('x)' || a) NOT NULL);\n"
        "CREATE VIEW v AS SELECT a, b AS bb, count(*) FROM t;"
    )
    assert [(one.generated, one.expression, one.not_null) for one in table(catalog, "t").columns] == [
        (False, "", False),
        (True, "a * (2 + 1)", False),
        (True, "'x)' || a", True),
    ]
    # What is declared of an expression hangs on SQLite's version.
    assert [(one.name, one.declared, one.not_null) for one in table(catalog, "v").columns[:2]] == [
        ("a", "INTEGER", False),
        ("bb", "INTEGER", False),
    ]


def test_spatial_functions_are_told(tmp_path: object) -> None:
    """A SELECT whose function would change the schema is noted, any other is not."""
    _, notes = read("CREATE TABLE t (a); SELECT AddGeometryColumn('t', 'g', 4326, 'POINT', 2); SELECT 1;")
    assert [note.partition(" (")[0] for note in notes] == [
        "1.sql:1:28: note: AddGeometryColumn() is not called: what it adds to the schema is unknown here"
    ]


def test_the_connection_holds_the_schema() -> None:
    """The connection that comes with the catalog is open and has every table; after an error none is left open."""
    _, connection = read_schema([Script("1.sql", "CREATE TABLE t (a);")], print)
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")
