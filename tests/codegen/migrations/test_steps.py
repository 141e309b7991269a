"""Which statements a change becomes: ALTER TABLE where SQLite can, else a rebuild that keeps what there is."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from codegen.migrations import model
from codegen.migrations.building import Application
from codegen.migrations.trial import Trial, TrialFailed

from .project import Project, database, run

if TYPE_CHECKING:
    from pathlib import Path


def moved(folder: Path, old: str, new: str, *rows: str) -> tuple[Project, sqlite3.Connection]:
    """The migration from old to new, run up in a database with these rows. The caller closes it."""
    project = Project(folder).start(old)
    assert project.diff(new, "--name", "change", "--allow-loss") == 0
    connection = database(old)
    for row in rows:
        connection.execute(row)
    run(connection, project.written())
    expected = database(new)
    assert model.read(connection).meaning() == model.read(expected).meaning()
    expected.close()
    return project, connection


T = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);\n"
ALTERED = {
    "a column at the end": (T, T.replace("b TEXT", "b TEXT, c REAL NOT NULL DEFAULT 1.5"),
                            ["ALTER TABLE t ADD COLUMN c REAL NOT NULL DEFAULT 1.5"]),
    "its CHECK at the end of the table": (T, T.replace("b TEXT", "b TEXT, c INT, CHECK (c > 0)"),
                                          ["ALTER TABLE t ADD COLUMN c INT CHECK (c > 0)"]),
    "its foreign key at the end": (
        T, T.replace("b TEXT", "b TEXT, c INT, FOREIGN KEY (c) REFERENCES t (id) ON DELETE SET NULL"),
        ["ALTER TABLE t ADD COLUMN c INT REFERENCES t (id) ON DELETE SET NULL"]),
    "a virtual generated column": (T, T.replace("b TEXT", "b TEXT, c TEXT AS (a || b)"),
                                   ["ALTER TABLE t ADD COLUMN c TEXT AS (a || b)"]),
    "a column dropped, its index before it": (
        T + "CREATE INDEX i ON t (b);", T.replace(", b TEXT", ""),
        ["DROP INDEX i", "ALTER TABLE t DROP COLUMN b"]),
    "a table renamed": (T, "-- renamed from: t\n" + T.replace("TABLE t", "TABLE u"), ["ALTER TABLE t RENAME TO u"]),
    "an index changed": (
        T + "CREATE INDEX i ON t (b);", T + "CREATE INDEX i ON t (b) WHERE b > 'a';",
        ["DROP INDEX i", "CREATE INDEX i ON t (b) WHERE b > 'a'"]),
    "a view over a view": (
        T + "CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT * FROM v;",
        T + "CREATE VIEW v AS SELECT a, b FROM t; CREATE VIEW w AS SELECT * FROM v;",
        ["DROP VIEW v", "DROP VIEW w", "CREATE VIEW v AS SELECT a, b FROM t", "CREATE VIEW w AS SELECT * FROM v"]),
}  # fmt: skip


@pytest.mark.parametrize("case", ALTERED)
def test_alter_where_sqlite_can(case: str, tmp_path: Path) -> None:
    """A change that ALTER TABLE can make is made by it, and nothing else is touched."""
    old, new, statements = ALTERED[case]
    project, connection = moved(tmp_path, old, new, "INSERT INTO t (id, a, b) VALUES (3, 'x', 'y')")
    connection.close()
    assert project.code() == statements


REBUILT = {
    "a type": (T, T.replace("b TEXT", "b BLOB")),
    "a default": (T, T.replace("b TEXT", "b TEXT DEFAULT 'x'")),
    "NOT NULL": (T, T.replace("b TEXT", "b TEXT NOT NULL")),
    "a collation": (T, T.replace("b TEXT", "b TEXT COLLATE NOCASE")),
    "a CHECK": (T, T.replace("b TEXT", "b TEXT CHECK (b <> 'q')")),
    "a table's CHECK that names itself": (T, T.replace("b TEXT", "b TEXT, CHECK (t.b <> 'q')")),
    "a UNIQUE": (T, T.replace("b TEXT", "b TEXT, UNIQUE (a, b)")),
    "STRICT": (T, T.replace(");", ") STRICT;")),
    "a foreign key to itself": (T, T.replace("b TEXT", "b TEXT REFERENCES t (id)")),
    "AUTOINCREMENT": (T, T.replace("PRIMARY KEY", "PRIMARY KEY AUTOINCREMENT")),
    "a moment as default": (T, T.replace("b TEXT", "b TEXT, c TEXT DEFAULT CURRENT_TIMESTAMP")),
    "an expression as default": (T, T.replace("b TEXT", "b TEXT, c TEXT DEFAULT (1 + 1)")),
    "a stored column": (T, T.replace("b TEXT", "b TEXT, c TEXT AS (a || b) STORED")),
    "a column in the middle": (T, T.replace("b TEXT", "c TEXT, b TEXT")),
    "a backfill": (T, T.replace("b TEXT", "b TEXT, c TEXT NOT NULL -- backfill: a || '!'\n")),
    "a conflict clause": (T, T.replace("b TEXT", "b TEXT NOT NULL ON CONFLICT IGNORE")),
}


@pytest.mark.parametrize("case", REBUILT)
def test_rebuild_where_it_cannot(case: str, tmp_path: Path) -> None:
    """Anything else is a rebuild with its rows, also where ALTER TABLE would do for an empty table only."""
    old, new = REBUILT[case]
    rows = "INSERT INTO t (id, a, b) VALUES (3, 'x', NULL), (5, 'x', 'y')"
    if "NOT NULL" in new and "backfill" not in new:
        rows = "INSERT INTO t (id, a, b) VALUES (3, 'x', 'z'), (5, 'x', 'y')"
    if "REFERENCES" in new:
        rows = "INSERT INTO t (id, a, b) VALUES (3, 'x', '5'), (5, 'x', NULL)"
    project, connection = moved(tmp_path, old, new, rows)
    assert project.code()[0].startswith("CREATE TABLE t__new")
    before = database(old)
    before.execute(rows)
    query = "SELECT id, a, CAST(b AS TEXT) FROM t ORDER BY id"
    assert connection.execute(query).fetchall() == before.execute(query).fetchall()
    before.close()
    run(connection, project.written("down"))
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)
    connection.close()


def test_the_index_of_a_rebuilt_table_goes_with_it(tmp_path: Path) -> None:
    """An index that changes while its table is rebuilt is made once and not dropped before."""
    index = "CREATE INDEX i ON t (a);"
    project, connection = moved(tmp_path, T + index, T.replace("b TEXT", "b BLOB") + index.replace("(a)", "(a, b)"))
    connection.close()
    assert [one for one in project.code() if "INDEX" in one] == ["CREATE INDEX i ON t (a, b)"]


def test_children_stay_when_their_parent_is_rebuilt(tmp_path: Path) -> None:
    """A foreign key that deletes with its parent deletes nothing, and still refers to the table of that name."""
    child = "CREATE TABLE c (t_id INTEGER REFERENCES t (id) ON DELETE CASCADE);\n"
    _, connection = moved(
        tmp_path, T + child, T.replace("a TEXT", "a BLOB") + child,
        "INSERT INTO t (id) VALUES (1)", "INSERT INTO c VALUES (1)",
    )  # fmt: skip
    assert connection.execute("SELECT * FROM c").fetchall() == [(1,)]
    assert connection.execute("SELECT [table] FROM pragma_foreign_key_list('c')").fetchall() == [("t",)]
    connection.close()


def test_a_conflict_clause_leaves_no_row_out(tmp_path: Path) -> None:
    """Rows that a new ON CONFLICT IGNORE would pass over make the migration fail instead."""
    project = Project(tmp_path).start(T)
    new = T.replace("b TEXT", "b TEXT NOT NULL ON CONFLICT IGNORE")
    assert project.diff(new, "--name", "x", "--allow-loss") == 0
    connection = database(T)
    connection.execute("INSERT INTO t (id, b) VALUES (1, NULL), (2, 'x')")
    with pytest.raises(sqlite3.IntegrityError):
        run(connection, project.written())
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)
    connection.close()


def test_rowids_and_the_highest_one_ever_are_kept(tmp_path: Path) -> None:
    """A table without INTEGER PRIMARY KEY keeps its rowids; AUTOINCREMENT goes on where it was, above rows that are
    gone."""
    old = "CREATE TABLE r (a);\nCREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, a);\n"
    _, connection = moved(
        tmp_path, old, old.replace("a)", "a TEXT)"),
        "INSERT INTO r (rowid, a) VALUES (7, 'x'), (9, 'y')", "INSERT INTO s (a) VALUES ('x'), ('y'), ('z')",
        "DELETE FROM s WHERE id > 1",
    )  # fmt: skip
    assert connection.execute("SELECT rowid, a FROM r").fetchall() == [(7, "x"), (9, "y")]
    assert connection.execute("INSERT INTO s (a) VALUES ('w') RETURNING id").fetchone() == (4,)
    connection.close()


def test_the_rowid_becomes_a_key(tmp_path: Path) -> None:
    """A new INTEGER PRIMARY KEY holds what the rowid was."""
    _, connection = moved(
        tmp_path, "CREATE TABLE r (a);", "CREATE TABLE r (id INTEGER PRIMARY KEY, a);",
        "INSERT INTO r (rowid, a) VALUES (7, 'x'), (9, 'y')",
    )  # fmt: skip
    assert connection.execute("SELECT id, a FROM r").fetchall() == [(7, "x"), (9, "y")]
    connection.close()


def test_a_row_for_each_row_where_nothing_is_kept(tmp_path: Path) -> None:
    """A table all of whose columns are others afterwards has as many rows as before, of defaults."""
    _, connection = moved(
        tmp_path, "CREATE TABLE r (a TEXT PRIMARY KEY) WITHOUT ROWID;", "CREATE TABLE r (b TEXT DEFAULT 'x');",
        "INSERT INTO r (a) VALUES (1), (2)",
    )  # fmt: skip
    assert connection.execute("SELECT b FROM r").fetchall() == [("x",), ("x",)]
    connection.close()


def test_triggers_do_not_fire_and_stand_again(tmp_path: Path) -> None:
    """A rebuild runs no trigger, also none that its view has, and each is there afterwards."""
    rest = (
        "CREATE TABLE log (what);\nCREATE VIEW v AS SELECT a FROM t;\n"
        "CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('in;sert'); END;\n"
        "CREATE TRIGGER y AFTER DELETE ON t BEGIN INSERT INTO log VALUES ('delete'); END;\n"
        "CREATE TRIGGER z INSTEAD OF INSERT ON v BEGIN INSERT INTO t (a) VALUES (new.a); END;\n"
    )
    _, connection = moved(
        tmp_path, T + rest, T.replace("b TEXT", "b BLOB") + rest, "INSERT INTO v (a) VALUES ('q')", "DELETE FROM log"
    )
    assert connection.execute("SELECT * FROM log").fetchall() == []
    connection.execute("INSERT INTO v (a) VALUES ('r')")
    assert connection.execute("SELECT * FROM log").fetchall() == [("in;sert",)]
    connection.close()


def test_a_broken_view_is_in_nobodys_way(tmp_path: Path) -> None:
    """A view over a table that is not there, over which ALTER TABLE … RENAME would fail, is put back as it was."""
    broken = "CREATE VIEW v AS SELECT * FROM nowhere;\n"
    _, connection = moved(tmp_path, T + broken, T.replace("b TEXT", "b BLOB") + broken)
    connection.close()


def test_a_table_becomes_a_view(tmp_path: Path) -> None:
    """A name may go from a table to a view, and back."""
    old, new = T + "CREATE TABLE u (a);", T + "CREATE VIEW u AS SELECT a FROM t;"
    project, connection = moved(tmp_path, old, new, "INSERT INTO u VALUES (1)")
    run(connection, project.written("down"))
    assert connection.execute("SELECT * FROM u").fetchall() == []
    assert "LOST: table u with all its rows" in project.written()
    connection.close()


FULL_TEXT = {
    "own content": "CREATE VIRTUAL TABLE f USING fts5(a, b);",
    "external content": "CREATE VIRTUAL TABLE f USING fts5(a, content='t', content_rowid='id');",
    "fts4": "CREATE VIRTUAL TABLE f USING fts4(a, b);",
    "fts4, external": "CREATE VIRTUAL TABLE f USING fts4(content='t', a);",
}


@pytest.mark.parametrize("kind", FULL_TEXT)
def test_full_text_is_carried_over(kind: str, tmp_path: Path) -> None:
    """A full-text index with another tokenizer holds the same text under the same rowids; over another table's rows it
    is filled from them, also when it is new."""
    made = FULL_TEXT[kind]
    changed = made.replace(");", ", tokenize=porter);")
    fill = (
        "INSERT INTO f (f) VALUES ('rebuild')"
        if "content=" in made
        else "INSERT INTO f (rowid, a) VALUES (5, 'running')"
    )
    rows = ("INSERT INTO t (id, a) VALUES (5, 'running')", fill)
    _, connection = moved(tmp_path / "changed", T + made, T + changed, *rows)
    assert connection.execute("SELECT rowid FROM f WHERE f MATCH 'run'").fetchall() == [(5,)]
    connection.close()
    if "content=" in made:
        _, connection = moved(tmp_path / "new", T, T + made, rows[0])
        assert connection.execute("SELECT rowid FROM f WHERE f MATCH 'running'").fetchall() == [(5,)]
        connection.close()


@pytest.mark.parametrize("later", ["languageid=l", "languageid=m", "l"])
def test_the_language_of_a_text_is_carried_over(later: str, tmp_path: Path) -> None:
    """The hidden column of FTS4's languageid is kept, also under another name or as a column like the others."""
    made = "CREATE VIRTUAL TABLE f USING fts4(a, languageid=l);"
    changed = made.replace("languageid=l", f"{later}, tokenize=porter")
    project, connection = moved(tmp_path, made, changed, "INSERT INTO f (rowid, a, l) VALUES (5, 'running', 3)")
    name = later.removeprefix("languageid=")
    language = f" AND {name} = 3" if "=" in later else ""
    found = connection.execute(f"SELECT rowid, a, {name} FROM f WHERE f MATCH 'run'{language}").fetchall()
    assert found == [(5, "running", 3)]
    connection.close()
    assert "LOST" not in project.written()


def test_an_index_over_rows_that_change_is_filled_again(tmp_path: Path) -> None:
    """Where the rows under a full-text index get other values by the migration, it finds them."""
    made = FULL_TEXT["external content"]
    rows = ("INSERT INTO t (id) VALUES (5)", "INSERT INTO f (f) VALUES ('rebuild')")
    changed = T.replace("a TEXT,", "a TEXT NOT NULL, -- backfill: 'nothing'\n")
    _, connection = moved(tmp_path, T + made, changed + made, *rows)
    assert connection.execute("SELECT rowid FROM f WHERE f MATCH 'nothing'").fetchall() == [(5,)]
    connection.close()


def test_a_contentless_index_says_that_it_is_empty(tmp_path: Path) -> None:
    """What only the index holds cannot be read back: the loss is announced."""
    made = "CREATE VIRTUAL TABLE f USING fts5(a, content='');"
    project, connection = moved(tmp_path, made, made.replace("a,", "a, b,"), "INSERT INTO f (rowid, a) VALUES (1, 'x')")
    assert "LOST: what virtual table f holds" in project.written()
    connection.close()


def test_what_an_option_says_has_a_case(tmp_path: Path) -> None:
    """An index with another separator is another index, however like the letters look."""
    made = "CREATE VIRTUAL TABLE f USING fts5(a, tokenize=\"unicode61 separators 'x'\");"
    project, connection = moved(tmp_path, made, made.replace("'x'", "'X'"), "INSERT INTO f (a) VALUES ('1X2')")
    assert connection.execute("SELECT count(*) FROM f WHERE f MATCH '2'").fetchall() == [(1,)]
    connection.close()
    assert project.diff(made.replace("'x'", "'X'").replace("f USING fts5(a", "[F] using FTS5(A"), "--check") == 0


def test_an_r_tree_is_carried_over(tmp_path: Path) -> None:
    """The boxes of an R-tree move into one with another auxiliary column."""
    old = "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1);"
    _, connection = moved(tmp_path, old, old.replace("x1", "x1, +name TEXT"), "INSERT INTO r VALUES (4, 1, 2)")
    assert connection.execute("SELECT * FROM r").fetchall() == [(4, 1.0, 2.0, None)]
    connection.close()


def test_what_the_application_brings_is_not_needed(tmp_path: Path) -> None:
    """Functions and collations of an application need not be there to compare schemas and to write migrations."""
    old = (
        "CREATE TABLE t (a TEXT COLLATE unicode CHECK (is_fine(a)));\n"
        "CREATE INDEX i ON t (fold(a) COLLATE german);\nCREATE VIEW v AS SELECT shown(a) FROM t;\n"
    )
    project = Project(tmp_path).start(old)
    assert project.diff(old.replace("a TEXT", "a VARCHAR")) == 0
    assert project.code()[1].startswith("CREATE TABLE t__new")


def test_the_order_of_columns_can_be_left_alone(tmp_path: Path) -> None:
    """With --any-column-order a column in the middle is added at the end, and is then no difference."""
    project = Project(tmp_path).start(T)
    new = T.replace("b TEXT", "c TEXT, b TEXT")
    assert project.diff(new, "--name", "add_c", "--any-column-order") == 0
    assert project.code() == ["ALTER TABLE t ADD COLUMN c TEXT"]
    assert project.diff(new, "--check", "--any-column-order") == 0
    assert project.diff(new, "--check") == 1


def test_old_values_can_be_read_from_a_table_that_goes(tmp_path: Path) -> None:
    """A backfill may ask a table that the same migration drops."""
    old = T + "CREATE TABLE u (t_id INTEGER, c TEXT);\n"
    new = T.replace("b TEXT", "b TEXT, c TEXT -- backfill: (SELECT c FROM u WHERE t_id = id)\n")
    _, connection = moved(
        tmp_path, old, new, "INSERT INTO t (id) VALUES (1), (2)", "INSERT INTO u VALUES (2, 'two')"
    )  # fmt: skip
    assert connection.execute("SELECT id, c FROM t").fetchall() == [(1, None), (2, "two")]
    connection.close()


def test_only_ascii_letters_have_a_case(tmp_path: Path) -> None:
    """Names that differ in the case of another letter are two names, for SQLite folds that of ASCII letters only."""
    old = 'CREATE TABLE "Étage" (a TEXT, "À" TEXT, "à" TEXT);\nCREATE TABLE "étage" (b TEXT);\n'
    project, connection = moved(tmp_path, old, old.replace(', "À" TEXT', ""), 'INSERT INTO "Étage" VALUES (1, 2, 3)')
    assert project.code() == ['ALTER TABLE "Étage" DROP COLUMN "À"']
    assert connection.execute('SELECT * FROM "Étage"').fetchall() == [("1", "3")]
    connection.close()
    assert project.diff(old.replace(', "À" TEXT', "").replace("(a TEXT", "(A TEXT"), "--check") == 0


def test_the_way_back_makes_values_up_and_says_so(tmp_path: Path) -> None:
    """A NOT NULL column that comes back gets what its CHECK takes, its key needs, its parent has; the file says it."""
    old = (
        "CREATE TABLE p (id INTEGER PRIMARY KEY);\n"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('a', 'b')),"
        " code TEXT NOT NULL UNIQUE, p_id INTEGER NOT NULL REFERENCES p (id), n INT NOT NULL);\n"
    )
    new = "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE t (id INTEGER PRIMARY KEY);\n"
    rows = ("INSERT INTO p VALUES (7)", "INSERT INTO t VALUES (1, 'b', 'x', 7, 5), (2, 'b', 'y', 7, 6)")
    project, connection = moved(tmp_path, old, new, *rows)
    down = project.written("down")
    run(connection, down)
    assert connection.execute("SELECT * FROM t").fetchall() == [(1, "a", "1", 7, 0), (2, "a", "2", 7, 0)]
    connection.close()
    assert "MADE UP: t.kind is 'a' in every row" in down
    assert "MADE UP: t.code is CAST(rowid AS TEXT) in every row" in down
    assert "MADE UP" not in project.written()


def test_an_attempt_that_fails_leaves_nothing() -> None:
    """Statements that were tried and did not lead to the table that is wanted are undone, and not written."""
    application = Application()
    trial = Trial(application.connect(), application)
    trial.run(T.strip().removesuffix(";"))
    before = trial.schema().meaning()
    with pytest.raises(TrialFailed), trial.attempt():
        trial.run("ALTER TABLE t ADD COLUMN c TEXT")
        trial.run("ALTER TABLE t DROP COLUMN nothing")
    assert trial.schema().meaning() == before
    assert len(trial.steps) == 1
    trial.connection.close()
