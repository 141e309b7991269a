"""`python -m codegen diff`: what it writes, what it refuses, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.migrations import command, folders, writing

from .project import Project

ROOT = Path(__file__).parent.parent.parent.parent
OLD = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path).start(OLD)


def test_equal_schemas_have_nothing_to_write(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Comments, white space, quotes, and where a constraint stands are no difference."""
    same = '-- The ts.\ncreate table "t" (id integer, [a] text /* x */, `b` TEXT , primary key ("id"));'
    assert project.diff(same, "--check") == 0
    assert project.diff(same) == 0
    assert len(list(project.migrations.iterdir())) == 2
    assert capsys.readouterr().out == ""


SAME = {
    "an ascending term": ("CREATE INDEX i ON t (a);", "CREATE INDEX i ON t (a ASC);"),
    "an operator": ("CREATE INDEX i ON t (a) WHERE b != 1;", "CREATE INDEX i ON t (a) WHERE b <> 1;"),
    "a string in double quotes": ("CREATE TABLE u (a DEFAULT 'Xy');", 'CREATE TABLE u (a DEFAULT "Xy");'),
    "a default of NULL": ("CREATE TABLE u (a);", "CREATE TABLE u (a DEFAULT NULL);"),
}
OTHER = {
    "the case of a string in double quotes": (
        'CREATE VIEW v AS SELECT a FROM t WHERE a = "Xy";',
        'CREATE VIEW v AS SELECT a FROM t WHERE a = "XY";',
    ),
    "a column by the name of a value": (
        'CREATE TABLE u (a, "true", CHECK (a = "true"));',
        'CREATE TABLE u (a, "true", CHECK (a = true));',
    ),
    "the order of columns": ("CREATE TABLE u (a, b);", "CREATE TABLE u (b, a);"),
    "a descending key, which is no rowid": (
        "CREATE TABLE u (id INTEGER PRIMARY KEY);",
        "CREATE TABLE u (id INTEGER PRIMARY KEY DESC);",
    ),
}


@pytest.mark.parametrize("case", [*SAME, *OTHER])
def test_what_is_a_difference(tmp_path: Path, case: str) -> None:
    """What SQLite makes no difference between is none, both ways; what it does is one."""
    old, new = {**SAME, **OTHER}[case]
    for left, right in ((old, new), (new, old)):
        project = Project(tmp_path / ("there" if left == old else "back")).start(OLD + left)
        assert project.diff(OLD + right, "--check") == (0 if case in SAME else 1)


def test_check_lists_what_differs(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """--check writes nothing, names each difference and ends with 1."""
    assert project.diff(OLD.replace("b TEXT", "b TEXT, c INT"), "--check") == 1
    assert "column t.c is added" in capsys.readouterr().out
    assert len(list(project.migrations.iterdir())) == 2


def test_the_migration_takes_the_next_number(project: Project) -> None:
    """Both files are there under the next number, and afterwards nothing differs."""
    wanted = OLD.replace("b TEXT", "b TEXT, c INT")
    assert project.diff(wanted, "--name", "add_c") == 0
    assert sorted(path.name for path in project.migrations.iterdir())[2:] == [
        "0002_add_c.down.sql",
        "0002_add_c.up.sql",
    ]
    assert project.written().splitlines()[0] == "-- Add c."
    assert project.code() == ["ALTER TABLE t ADD COLUMN c INT"]
    assert project.diff(wanted, "--check") == 0


def test_loss_is_refused_with_its_place(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --allow-loss a migration that loses data is not written; the error names file, line and what is lost."""
    schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);\n"
    assert project.diff(schema) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{project.root / 'schema.sql'}:1:")
    assert "column t.b with its values" in error
    assert "--allow-loss" in error
    assert len(list(project.migrations.iterdir())) == 2
    assert project.diff(schema, "--name", "drop_b", "--allow-loss") == 0
    assert "column t.b with its values" in capsys.readouterr().err
    assert "LOST: column t.b with its values" in project.written()
    assert "but not the data" not in project.written()


def test_a_value_for_old_rows_is_demanded(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A new NOT NULL column without a default or a backfill is refused at its line, also with --allow-loss."""
    schema = "CREATE TABLE t (\nid INTEGER PRIMARY KEY,\na TEXT,\nb TEXT,\nc INT NOT NULL\n);\n"
    assert project.diff(schema, "--name", "x", "--allow-loss") == 2
    error = capsys.readouterr().err
    assert f"{project.root / 'schema.sql'}:5:" in error
    assert "backfill" in error
    assert project.diff(schema.replace("c INT NOT NULL", "c INT NOT NULL -- backfill: id * 2"), "--name", "x") == 0


def test_an_unknown_old_name_is_an_error(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """`renamed from` a name that no migration makes is refused at its line."""
    schema = "CREATE TABLE t (\nid INTEGER PRIMARY KEY,\na TEXT,\nc TEXT -- renamed from: z\n);\n"
    assert project.diff(schema) == 2
    assert f"{project.root / 'schema.sql'}:4:" in capsys.readouterr().err
    assert project.diff(OLD + "-- renamed from: u\nCREATE TABLE v (a);\n") == 2
    assert "table v is renamed from u, which no migration makes" in capsys.readouterr().err


def test_an_annotation_that_is_done_is_silent(project: Project) -> None:
    """`renamed from` may stay in schema.sql: once the new name is there it says nothing."""
    schema = OLD.replace("b TEXT", "c TEXT -- renamed from: b\n")
    assert project.diff(schema) == 0
    assert project.code() == ["ALTER TABLE t RENAME COLUMN b TO c"]
    assert project.code("down") == ["ALTER TABLE t RENAME COLUMN c TO b"]
    assert project.diff(schema, "--check") == 0


@pytest.mark.parametrize("taken", ["0002_change.up.sql", "0002_change.down.sql"])
def test_a_file_is_never_overwritten(
    project: Project, taken: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where somebody else writes the same number meanwhile, his file stays and neither of ours does."""
    numbers = folders.next_number
    monkeypatch.setattr(folders, "next_number", lambda folder: (2, numbers(folder)[1]))
    real = writing.write

    def late(folder: Path, stem: str, up: str, down: str) -> tuple[Path, Path]:
        (project.migrations / taken).write_text("mine")
        return real(folder, stem, up, down)

    monkeypatch.setattr(writing, "write", late)
    assert project.diff(OLD.replace("b TEXT", "b TEXT, c INT")) == 2
    assert "is here already" in capsys.readouterr().err
    assert [path.name for path in project.migrations.glob("*0002*")] == [taken]
    assert (project.migrations / taken).read_text() == "mine"
    assert not [path for path in project.migrations.iterdir() if path.name.endswith(".tmp")]


def test_a_broken_migration_is_named(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """An error in a migration or in the schema has the file, the line and the column."""
    broken = project.migrations / "0002_b.up.sql"
    broken.write_text("\nCREATE TABLE u (a);\nCREATE INDEX i ON nowhere (a);\n")
    (project.migrations / "0002_b.down.sql").write_text("")
    assert project.diff(OLD, "--check") == 2
    assert capsys.readouterr().err.startswith(f"{broken}:3:19: no such table")
    (project.migrations / "0002_b.down.sql").unlink()
    assert project.diff(OLD, "--check") == 2
    assert "there is no 0002_b.down.sql" in capsys.readouterr().err


def test_usage(project: Project) -> None:
    """A name is needed to write, and only letters, digits, _ and - may be in it."""
    for name in ("", "../x", "a b"):
        with pytest.raises(SystemExit) as ended:
            project.diff(OLD, "--name", name)
        assert ended.value.code == 2


@pytest.mark.checkout
def test_this_project_agrees() -> None:
    """The migrations of ragkernel build its schema.sql, part by part."""
    folder = ROOT / "ragkernel" / "sql" / "migrations"
    assert command.main(["--schema", str(ROOT / "schema.sql"), "--migrations", str(folder), "--check"]) == 0


def test_migrations_reach_no_file(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a migration attaches or writes elsewhere is left out: only `:memory:` is touched."""
    monkeypatch.chdir(tmp_path)
    (project.migrations / "0002_files.up.sql").write_text(
        "ATTACH 'other.db' AS other;\nVACUUM INTO 'copy.db';\nDETACH other;\nVACUUM;\nEXPLAIN VACUUM;\n"
    )
    (project.migrations / "0002_files.down.sql").write_text("")
    assert project.diff(OLD, "--check") == 0
    assert [path.name for path in tmp_path.glob("*.db")] == []


def test_a_transaction_in_a_migration_is_run(project: Project) -> None:
    """BEGIN, COMMIT and PRAGMA of migrations that were written for other tools do no harm."""
    (project.migrations / "0002_a.up.sql").write_text(
        "PRAGMA foreign_keys = OFF;\nBEGIN;\nALTER TABLE t ADD COLUMN c INT;\nINSERT INTO t (a) VALUES (1);\nCOMMIT;\n"
    )
    (project.migrations / "0002_a.down.sql").write_text("")
    assert project.diff(OLD.replace("b TEXT", "b TEXT, c INT"), "--check") == 0


def test_other_layouts_are_compared_but_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Migrations of other tools are read as the schema is; a migration of ours would not be found by them."""
    project = Project(tmp_path)
    project.migrations.mkdir()
    text = f"-- +goose Up\n{OLD}\n-- +goose Down\nDROP TABLE t;\n"
    (project.migrations / "00001_tables.sql").write_text(text)
    assert project.diff(OLD, "--check") == 0
    assert project.diff(OLD.replace("b TEXT", "b TEXT, c INT")) == 2
    assert "NNNN_name.up.sql" in capsys.readouterr().err


def test_the_first_migration_is_written_too(tmp_path: Path) -> None:
    """Without a folder, or with an empty one, the whole schema is migration 0001, with the comments of its tables."""
    project = Project(tmp_path)
    assert project.diff("-- The ts.\n" + OLD, "--name", "tables") == 0
    assert "-- The ts.\nCREATE TABLE t" in project.written(number=1)
    assert "LOST: table t with all its rows" in project.written("down", number=1)


@pytest.mark.parametrize("backfill", ["NULL", "1 +", "nothing("])
def test_a_backfill_that_cannot_be_stored(project: Project, backfill: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A constant backfill that the column never takes, or one that SQLite cannot parse, is an error."""
    schema = OLD.replace("b TEXT", f"b TEXT, c INT NOT NULL -- backfill: {backfill}\n")
    assert project.diff(schema) == 2
    assert f"{project.root / 'schema.sql'}:1:0: the backfill of t.c is" in capsys.readouterr().err


def test_statements_in_any_order(project: Project) -> None:
    """schema.sql may name a table before it makes it, and hold a dump's or a history's other statements."""
    (project.migrations / "0002_i.up.sql").write_text("CREATE INDEX i ON t (a);\nCREATE TABLE v (a);\n")
    (project.migrations / "0002_i.down.sql").write_text("")
    later = "PRAGMA user_version = 3;\n.mode csv\nCREATE TABLE u (a);\nALTER TABLE u RENAME TO v;\nSELECT 1;\n"
    assert project.diff("CREATE INDEX i ON t (a);\n" + OLD + later, "--check") == 0


def test_a_history_of_legacy_renames(project: Project) -> None:
    """A rebuild in a migration that dropped a table under its view, as older SQLite let one do, is run as it was."""
    (project.migrations / "0002_v.up.sql").write_text(
        "CREATE VIEW v AS SELECT a FROM t;\nCREATE TABLE n (id INTEGER PRIMARY KEY, a TEXT, b BLOB);\n"
        "INSERT INTO n SELECT * FROM t;\nDROP TABLE t;\nALTER TABLE n RENAME TO t;\n"
    )
    (project.migrations / "0002_v.down.sql").write_text("")
    assert project.diff(OLD.replace("b TEXT", "b BLOB") + "CREATE VIEW v AS SELECT a FROM t;\n", "--check") == 0


def test_a_module_that_is_not_here(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A virtual table whose module SQLite here lacks is left out with a note, and so is what needs it."""
    strange = (
        "CREATE VIRTUAL TABLE m USING no_such_module (a);\nCREATE TRIGGER g AFTER INSERT ON m BEGIN SELECT 1; END;\n"
    )
    (project.migrations / "0002_m.up.sql").write_text(strange + "DROP TABLE m;\n" + strange)
    (project.migrations / "0002_m.down.sql").write_text("")
    assert project.diff(OLD + strange, "--check") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{project.migrations / '0002_m.up.sql'}:1:1: note: virtual table m is not compared")


def test_a_comment_at_the_end_of_a_statement(project: Project) -> None:
    """A statement that a comment ends in schema.sql is whole in the migration."""
    schema = OLD + "CREATE VIEW v AS SELECT a FROM t -- the end\n;\nCREATE INDEX i ON t (a) /* the end */;\n"
    assert project.diff(schema) == 0
    assert project.diff(schema, "--check") == 0
    assert project.code() == ["CREATE INDEX i ON t (a)", "CREATE VIEW v AS SELECT a FROM t"]


def test_old_annotations_stay_silent_in_later_migrations(project: Project) -> None:
    """A rename that is done is not looked for again when something else changes."""
    schema = "-- renamed from: t\n" + OLD.replace("TABLE t", "TABLE u").replace("b TEXT", "c TEXT -- renamed from: b\n")
    assert project.diff(schema, "--name", "renames") == 0
    assert project.diff(schema + "CREATE TABLE v (a);\n", "--name", "more") == 0
    assert "CREATE TABLE v (a)" in project.written(number=3)


def test_a_rename_takes_its_name_along(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """What is renamed cannot be there under its old name as well."""
    assert project.diff(OLD + "-- renamed from: t\n" + OLD.replace("TABLE t", "TABLE u")) == 2
    assert "which is in the schema too" in capsys.readouterr().err
    assert project.diff(OLD.replace("b TEXT", "b TEXT, c TEXT -- renamed from: b\n")) == 2
    assert "which is wanted for another column too" in capsys.readouterr().err


def test_a_number_is_used_once(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Two migrations of one number have no order."""
    for direction in ("up", "down"):
        (project.migrations / f"0001_again.{direction}.sql").write_text("")
    assert project.diff(OLD, "--check") == 2
    assert "two migrations have number 1" in capsys.readouterr().err
