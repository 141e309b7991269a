"""Each command over a real database: what it prints, as text and as JSON, and its exit code."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import ragkernel

from .command import run


def items(made: Path, kind: str, *words: str) -> list[dict[str, Any]]:
    done = run("list", kind, *words, "--app-db", made / "app_meta.db", "--json")
    assert done.code == 0, done
    found: list[dict[str, Any]] = done.json["items"]
    return found


def test_ingest_twice(tmp_path: Path) -> None:
    """The first run stores, the second finds nothing to do; nothing but the summary is printed into a pipe."""
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.md").write_text("# A\n\ntext\n")
    (tmp_path / "text" / "b.txt").write_bytes(b"\0")
    words = ("ingest", tmp_path / "text", "--kb", "notes", "--app-db", tmp_path / "x.db")
    first = run(*words)
    assert first.code == 0
    assert first.out.startswith("notes version 1: 1 added, 1 skipped; 1 chunk stored")
    assert first.err == "skipped b.txt: binary: it holds a NUL byte\n"
    second = run(*words, "--json")
    assert (second.code, second.err) == (0, "")
    assert second.json["nothing_to_do"] is True
    assert (second.json["unchanged"], second.json["skipped"]) == (1, 1)
    assert second.json["skipped_files"] == [{"path": "b.txt", "reason": "binary: it holds a NUL byte"}]
    assert run(*words).out.startswith("notes: nothing to do (2 files")


def test_ingest_of_a_folder_that_has_moved(tmp_path: Path) -> None:
    """What other folders brought is counted and stays; --moved takes it over, and leaves out what is not here."""
    for name in ("a.md", "b.md"):
        (tmp_path / "old").mkdir(exist_ok=True)
        (tmp_path / "old" / name).write_text("text of " + name)
    words = ("--kb", "notes", "--app-db", tmp_path / "x.db")
    run("ingest", tmp_path / "old", *words)
    (tmp_path / "old" / "b.md").unlink()
    (tmp_path / "old").rename(tmp_path / "new")
    told = run("ingest", tmp_path / "new", *words).out
    assert told.startswith("notes version 2: 1 changed, 1 of other folders kept;")
    assert run("ingest", tmp_path / "new", "--moved", *words).out.startswith("notes version 3: 1 unchanged, 1 removed;")


def test_ingest_takes_patterns_and_sizes(tmp_path: Path) -> None:
    """--glob, --chunk-size, --chunk-overlap and --embedder-model reach the base; other sizes later are code 2."""
    (tmp_path / "text").mkdir()
    for name in ("a.md", "b.txt", "c.log"):
        (tmp_path / "text" / name).write_text("word " * 100)
    words = ("ingest", tmp_path / "text", "--kb", "x", "--app-db", tmp_path / "x.db")
    sizes = ("--chunk-size", "20", "--chunk-overlap", "2", "--embedder-model", "none")
    done = run(*words, "--glob", "*.md", "--glob", "c.*", *sizes, "--json")
    assert (done.json["added"], done.json["tokens"]) == (2, 200)
    (base,) = run("list", "kbs", "--app-db", tmp_path / "x.db", "--json").json["items"]
    assert (base["chunk_size"], base["chunk_overlap"], base["embedder_model"]) == (20, 2, "none")
    done = run(*words, "--chunk-size", "30")
    assert (done.code, done.out) == (2, "")
    assert "was built with chunk_size 20, not 30" in done.err
    assert run(*words, "--chunk-size", "0").code == 2


def test_ingest_tells_what_it_pruned(tmp_path: Path) -> None:
    """A run with nothing to do but a smaller --keep says that an old version was pruned."""
    words = ("ingest", tmp_path / "a.md", "--kb", "notes", "--app-db", tmp_path / "x.db")
    for text in ("one", "two"):
        (tmp_path / "a.md").write_text(text)
        assert run(*words).code == 0
    assert run(*words).out.endswith(": 1 unchanged)\n")
    assert run(*words, "--keep", "1").out.endswith(": 1 unchanged); 1 old version pruned\n")


def test_info_and_status(made: Path) -> None:
    """info counts what is there, status tells of the schema and the runs."""
    info = run("info", "--app-db", made / "app_meta.db", "--json").json
    assert (info["documents"], info["runs"]) == (13, 1)
    (base,) = info["knowledge_bases"]
    assert (base["name"], base["status"], base["documents"], base["chunks"]) == (
        "handbook",
        "active",
        13,
        info["chunks"],
    )
    assert "handbook" in run("info", "--app-db", made / "app_meta.db").out
    status = run("status", "--app-db", made / "app_meta.db", "--json").json
    assert status["pending_migrations"] == []
    assert status["runs"]["completed"] == 1
    assert "1 completed" in run("status", "--app-db", made / "app_meta.db").out


def test_health(made: Path) -> None:
    """health prints the specification's eight metrics and its status."""
    done = run("health", "--app-db", made / "app_meta.db", "--json")
    assert done.code == 0
    assert {
        "app_db_size",
        "events_db_size",
        "app_pool_active",
        "events_pool_active",
        "wal_checkpoint_age",
        "vacuum_last_run",
        "backup_last_run",
        "is_split_database",
    } <= set(done.json)
    assert run("health", "--deep", "--app-db", made / "app_meta.db").out.startswith("status")


def test_health_is_code_1_unless_all_is_well(made: Path, tmp_path: Path) -> None:
    """A degraded database is code 1 with its reasons, as --help says."""
    path = tmp_path / "app_meta.db"
    shutil.copy(made / "app_meta.db", path)
    path.chmod(0o644)
    done = run("health", "--app-db", path)
    assert (done.code, done.err) == (1, "")
    assert "others may read the file (mode 0644)" in done.out
    assert run("health", "--app-db", path, "--json").json["status"] == "degraded"
    path.chmod(0o600)
    assert run("health", "--app-db", path).code == 0
    told = " ".join(run("health", "--help").out.split())
    assert "exit code 0 where the status is ok, 1 where it is degraded or failing" in told


@pytest.mark.parametrize("kind", ["kbs", "documents", "chunks", "runs"])
def test_pages_together_are_the_whole_list(made: Path, kind: str) -> None:
    """Following `next` page by page gives every row once, in the order of one large page."""
    whole = items(made, kind, "--limit", "1000")
    pages: list[dict[str, Any]] = []
    words: tuple[str, ...] = ()
    while True:
        page = run("list", kind, "--limit", "4", *words, "--app-db", made / "app_meta.db", "--json").json
        pages += page["items"]
        if page["next"] is None:
            break
        place = run("list", kind, "--limit", "4", *words, "--app-db", made / "app_meta.db").err
        words = ("--after", place.split("--after '")[1].split("'")[0])
    assert pages == whole
    assert whole


def test_filters(made: Path) -> None:
    """--kb by name, by NAME@VERSION and by id, --document and --status leave out the others."""
    (base,) = items(made, "kbs")
    assert items(made, "documents", "--kb", "handbook@1") == items(made, "documents", "--kb", base["id"])
    assert items(made, "documents", "--kb", "handbook") == items(made, "documents", "--kb", base["id"])
    assert len(items(made, "documents", "--kb", "handbook")) == 13
    long = next(row for row in items(made, "documents") if row["source_path"] == "long.txt")
    assert [row["chunk_index"] for row in items(made, "chunks", "--document", long["id"])] == list(
        range(long["chunk_count"])
    )
    assert len(items(made, "chunks", "--kb", "handbook")) == 12 + long["chunk_count"]
    assert len(items(made, "kbs", "--status", "active")) == 1
    assert items(made, "kbs", "--status", "error") == []
    assert len(items(made, "runs", "--kb", "handbook", "--status", "completed")) == 1
    assert items(made, "runs", "--status", "failed") == []


@pytest.mark.parametrize(
    "words",
    [
        ("documents", "--kb", "nobody"),
        ("documents", "--kb", "handbook@2"),
        ("documents", "--kb", "handbook@" + "9" * 30),
        ("documents", "--kb", "\udcff"),
        ("documents", "--after", "x"),
        ("documents", "--after", "[1, 2, 3]"),
        ("documents", "--after", "[true]"),
        ("documents", "--after", f"[{2**63}]"),
        ("documents", "--after", '["\\ud800"]'),
        ("chunks", "--kb", "handbook", "--after", '["x"]'),
        ("runs", "--after", "[]"),
        ("runs", "--after", "[5]"),
        ("chunks", "--kb", "handbook", "--document", "x"),
        ("chunks", "--document", "x"),
    ],
)
def test_what_no_list_can_find_is_code_2(made: Path, words: tuple[str, ...]) -> None:
    """An unknown base or document, the place of another list and filters that contradict each other are wrong usage."""
    done = run("list", *words, "--app-db", made / "app_meta.db")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


def test_show_finds_every_kind(made: Path) -> None:
    """An id from any list is shown with its kind; an unknown one is code 2."""
    for listed, kind in (("kbs", "knowledge_base"), ("documents", "document"), ("chunks", "chunk"), ("runs", "run")):
        row = items(made, listed, "--limit", "1")[0]
        shown = run("show", row["id"], "--app-db", made / "app_meta.db", "--json").json
        assert (shown["kind"], shown["id"]) == (kind, row["id"])
    pipeline = items(made, "runs")[0]["pipeline_id"]
    assert run("show", pipeline, "--app-db", made / "app_meta.db", "--json").json["name"] == "ingest:handbook"
    chunk = items(made, "chunks", "--limit", "1")[0]
    assert chunk["content"] in run("show", chunk["id"], "--app-db", made / "app_meta.db").out
    done = run("show", "no-such-id", "--app-db", made / "app_meta.db")
    assert (done.code, done.out) == (2, "")
    assert done.err == "ragkernel: nothing has the id 'no-such-id' Hint: `ragkernel list` prints ids\n"


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """Names and texts are shown with their control characters escaped."""
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "red\x1b[31m.md").write_text("text \x1b]0;title\x07 end\n")
    run("ingest", tmp_path / "text", "--kb", "x", "--app-db", tmp_path / "x.db")
    for words in (["list", "documents"], ["list", "chunks"]):
        done = run(*words, "--app-db", tmp_path / "x.db")
        assert "\\x1b" in done.out
        assert "\x1b" not in done.out
    chunk = items_of(tmp_path)
    assert "\x1b" not in run("show", chunk, "--app-db", tmp_path / "x.db").out


def items_of(folder: Path) -> str:
    rows = run("list", "chunks", "--app-db", folder / "x.db", "--json").json["items"]
    return str(rows[0]["id"])


def test_migrate_forward_and_backward(tmp_path: Path) -> None:
    """--dry-run tells and changes nothing, migrate makes and brings up to date, --to goes back; a wrong number is 2."""
    path = tmp_path / "x.db"
    assert run("migrate", "--dry-run", "--app-db", path).code == 2
    assert not path.exists()
    done = run("migrate", "--app-db", path, "--json")
    up = [(step["version"], step["direction"]) for step in done.json["steps"]]
    assert up == [(number, "up") for number in range(1, len(up) + 1)]
    assert run("migrate", "--app-db", path).out == "nothing to do: the schema is at this version\n"
    dry = run("migrate", "--to", "0", "--dry-run", "--app-db", path, "--json").json
    assert [step["direction"] for step in dry["steps"]] == ["down"] * len(up)
    assert run("status", "--app-db", path, "--json").json["schema_version"] == len(up)
    assert run("migrate", "--to", "1", "--yes", "--app-db", path).code == 0
    assert len(run("status", "--app-db", path, "--json").json["pending_migrations"]) == len(up) - 1
    done = run("info", "--app-db", path)
    assert done.code == 2
    assert "ragkernel migrate" in done.err
    assert run("migrate", "--to", "99", "--app-db", path).code == 2


def test_a_way_back_asks_first_and_names_its_backup(made: Path, tmp_path: Path) -> None:
    """A step down without --yes is code 2 and changes nothing; with it the rows are in the backup that is named."""
    path = tmp_path / "app_meta.db"
    shutil.copy(made / "app_meta.db", path)
    done = run("migrate", "--to", "0", "--app-db", path)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "--yes" in done.err
    assert "--yes" in run("migrate", "--to", "0", "--app-db", path, "--json").json["error"]["hint"]
    assert run("info", "--app-db", path, "--json").json["documents"] == 13
    assert not (tmp_path / "backups").exists()
    assert run("migrate", "--to", "0", "--dry-run", "--app-db", path, "--json").json["backup"] is None
    done = run("migrate", "--to", "0", "--yes", "--app-db", path)
    (backup,) = (tmp_path / "backups").iterdir()
    assert (done.code, str(backup) in done.out) == (0, True)
    assert run("info", "--app-db", backup, "--json").json["documents"] == 13
    assert run("restore", backup, "--app-db", path).code == 0
    assert run("info", "--app-db", path, "--json").json["documents"] == 13
    done = run("migrate", "--to", "3", "--yes", "--app-db", path, "--json")
    assert done.json["backup"].endswith(".db")


def test_status_shows_runs_before_a_migration(made: Path, tmp_path: Path) -> None:
    """Runs are counted while a migration is pending, and are said not to be shown where their table is not there."""
    path = tmp_path / "app_meta.db"
    shutil.copy(made / "app_meta.db", path)
    latest = run("status", "--app-db", path, "--json").json["schema_version"]
    assert run("migrate", "--to", str(latest - 1), "--yes", "--app-db", path).code == 0
    assert "1 completed" in run("status", "--app-db", path).out
    assert run("migrate", "--to", "0", "--yes", "--app-db", path).code == 0
    assert run("status", "--app-db", path, "--json").json["runs"] is None
    assert "runs                not shown before `ragkernel migrate`" in run("status", "--app-db", path).out


def test_backup_and_restore(made: Path, tmp_path: Path) -> None:
    """A backup goes to backup_dir or --to; it is restored beside, in place, and where the database was lost."""
    path = tmp_path / "app_meta.db"
    shutil.copy(made / "app_meta.db", path)
    assert run("backup", "--app-db", path).code == 0
    assert len(list((tmp_path / "backups").glob("app_meta_*.db"))) == 1
    done = run("backup", "--to", tmp_path / "there", "--app-db", path, "--json")
    (backup,) = done.json["backups"]
    assert backup["path"].startswith(str(tmp_path / "there"))
    beside = run("restore", backup["path"], "--to", tmp_path / "beside.db", "--app-db", path, "--json")
    assert (beside.code, beside.json["replaced"]) == (0, None)
    assert run("restore", backup["path"], "--to", tmp_path / "beside.db", "--app-db", path).code == 1
    with ragkernel.open(path) as service, service.write() as conn:
        conn.execute("DELETE FROM document_chunks")
    assert run("restore", backup["path"], "--app-db", path, "--json").json["replaced"] is not None
    chunks = run("info", "--app-db", path, "--json").json["chunks"]
    assert chunks == run("info", "--app-db", made / "app_meta.db", "--json").json["chunks"]
    path.unlink()
    assert run("restore", backup["path"], "--app-db", path).code == 0
    assert run("info", "--app-db", path, "--json").json["chunks"] == chunks
    assert run("restore", tmp_path / "none.db", "--app-db", path).code == 1


def test_a_file_in_the_place_of_the_backup_folder_is_told(made: Path, tmp_path: Path) -> None:
    """A backup to what is no folder is wrong usage, from --to and from the configuration, and the file stays."""
    (tmp_path / "file").write_text("text")
    file = str(tmp_path / "file")
    for words, configured in ((["--to", file], ""), ([], file)):
        done = run("backup", *words, "--app-db", made / "app_meta.db", RAGKERNEL_BACKUP_DIR=configured)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"ragkernel: {file} is not a folder [backup] Hint: name a folder")
    assert (tmp_path / "file").read_text() == "text"


def test_looking_at_another_programs_database_changes_nothing(tmp_path: Path) -> None:
    """Commands that read refuse a database that is not ragkernel's, by name, without a change to the file."""
    path = tmp_path / "theirs.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE users (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    for command in ("info", "status", "health", "backup"):
        done = run(command, "--app-db", path)
        assert (done.code, "not a database of ragkernel" in done.err) == (2, True), done.err
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["theirs.db"]


def test_a_database_that_cannot_be_opened_is_restored_over(tmp_path: Path) -> None:
    """`restore` replaces a file that SQLite cannot open and keeps it under another name."""
    (tmp_path / "a.md").write_text("# One\n")
    path = tmp_path / "x.db"
    assert run("ingest", tmp_path / "a.md", "--kb", "x", "--app-db", path).code == 0
    (backup,) = run("backup", "--app-db", path, "--json").json["backups"]
    with path.open("r+b") as file:
        file.write(b"\xff" * 100)
    assert run("info", "--app-db", path).code == 1
    done = run("restore", backup["path"], "--app-db", path, "--json")
    assert done.code == 0, done.err
    assert Path(done.json["replaced"]).read_bytes()[:4] == b"\xff" * 4
    assert run("list", "documents", "--app-db", path, "--json").json["items"][0]["title"] == "One"
