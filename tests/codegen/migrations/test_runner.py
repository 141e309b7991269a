"""What `diff` writes runs under ragkernel's own runner, and by hand."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

import ragkernel
from codegen.migrations import command
from ragkernel.core import migrate
from ragkernel.core.migrate import Migration
from ragkernel.generated import schema

from ...core.migrations import LATEST, everything, facts, insert_everything, open_unmigrated
from .project import Project

pytestmark = pytest.mark.checkout
ROOT = Path(__file__).parent.parent.parent.parent


def test_this_project_gets_its_next_migration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column more in schema.sql, and a CHECK, fail --check; the migration that is written mends that, takes the next
    number of both sequences, and goes up and down with rows under the runner, its foreign keys and its validation."""
    folder = tmp_path / "migrations"
    shutil.copytree(ROOT / "ragkernel" / "sql" / "migrations", folder)
    text = (ROOT / "schema.sql").read_text()
    changed = text.replace(
        "    pinned_version INTEGER,\n", "    pinned_version INTEGER,\n    note TEXT DEFAULT 'none',\n", 1
    )
    changed = changed.replace("token_count INTEGER,", "token_count INTEGER CHECK (token_count >= 0),", 1)
    assert changed.count("\n") == text.count("\n") + 1
    (tmp_path / "schema.sql").write_text(changed)
    common = ["--schema", str(tmp_path / "schema.sql"), "--migrations", str(folder)]
    assert command.main([*common, "--check"]) == 1
    assert "column knowledge_bases.note is added" in capsys.readouterr().out
    assert command.main([*common, "--name", "notes"]) == 2
    assert "CHECK (token_count >= 0)" in capsys.readouterr().err
    assert command.main([*common, "--name", "notes", "--allow-loss"]) == 0
    assert command.main([*common, "--check"]) == 0
    stem = folder / "app_meta" / f"{LATEST + 1:04}_notes"
    up, down = Path(f"{stem}.up.sql").read_text(), Path(f"{stem}.down.sql").read_text()
    assert "ALTER TABLE knowledge_bases ADD COLUMN note" in up
    assert "CREATE TABLE document_chunks__new" in up

    path = tmp_path / "app_meta.db"
    with ragkernel.open(path) as service:
        insert_everything(service)
    before, old = everything(path), facts(path)
    real = migrate.load
    more = Migration(LATEST + 1, "notes", "app_meta", up, down)
    monkeypatch.setattr(migrate, "load", lambda databases: [*real(databases), more])
    columns = {name: (*found, "note") if name == "knowledge_bases" else found
               for name, found in schema.TABLES["app_meta"].items()}  # fmt: skip
    monkeypatch.setitem(schema.TABLES, "app_meta", columns)
    with open_unmigrated(path) as service:
        service.run_migrations()
        after = everything(path)
        assert [row[:-1] for row in after["knowledge_bases"]] == before["knowledge_bases"]
        assert {**after, "knowledge_bases": ()} == {**before, "knowledge_bases": ()}
        service.run_migrations(LATEST)
        assert everything(path) == before
        assert {name: kind for name, (kind, _) in facts(path).items()} == {
            name: kind for name, (kind, _) in old.items()
        }
        service.run_migrations()
    assert everything(path) == after


def test_parts_without_a_folder_are_under_the_others(tmp_path: Path) -> None:
    """A part that has no folder of migrations is there before them, and no difference; --part looks at one part."""
    folder = tmp_path / "migrations"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    (folder / "a" / "0003_x.up.sql").write_text("CREATE TABLE x (k REFERENCES c (k));")
    (folder / "a" / "0003_x.down.sql").write_text("DROP TABLE x;")
    schema_file = tmp_path / "schema.sql"
    schema_file.write_text(
        "-- part: common\nCREATE TABLE c (k PRIMARY KEY);\n-- part: a\nCREATE TABLE x (k REFERENCES c (k));\n"
        "CREATE TABLE y (k);\n-- part: b\nCREATE TABLE z (k);\n"
    )
    common = ["--schema", str(schema_file), "--migrations", str(folder)]
    assert command.main([*common, "--name", "more", "--part", "b"]) == 0
    assert [path.name for path in (folder / "b").iterdir() if "up" in path.name] == ["0004_more.up.sql"]
    assert command.main([*common, "--name", "rest"]) == 0
    assert sorted(path.name for path in (folder / "a").iterdir() if "up" in path.name) == [
        "0003_x.up.sql",
        "0005_rest.up.sql",
    ]
    assert command.main([*common, "--check"]) == 0
    assert command.main([*common, "--check", "--part", "d"]) == 2


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the shell of SQLite is not installed")
def test_a_migration_runs_by_hand(tmp_path: Path) -> None:
    """The command in a migration's header runs it in one transaction, in SQLite's own shell."""
    old = "CREATE TABLE t (a);\nCREATE TABLE c (t_a REFERENCES t (a));\n"
    project = Project(tmp_path).start(old)
    assert (
        project.diff(
            "CREATE TABLE t (a TEXT PRIMARY KEY);\nCREATE TABLE c (t_a REFERENCES t (a));\n",
            "--name",
            "x",
            "--allow-loss",
        )
        == 0
    )
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.executescript(old + "INSERT INTO t VALUES ('k'); INSERT INTO c VALUES ('k');")
    connection.close()
    migration = next(project.migrations.glob("0002_*.up.sql"))
    command_line = ["sqlite3", "-bail", str(path), "BEGIN", f".read {migration}", "PRAGMA foreign_key_check", "COMMIT"]
    said = " ".join(project.written().replace("\n--", "").split())
    assert "sqlite3 -bail DATABASE BEGIN '.read FILE' 'PRAGMA foreign_key_check' COMMIT" in said
    finished = subprocess.run(command_line, check=True, capture_output=True, text=True)
    assert (finished.stdout, finished.stderr) == ("", "")
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT t.a FROM t JOIN c ON c.t_a = t.a").fetchall() == [("k",)]
    connection.close()
