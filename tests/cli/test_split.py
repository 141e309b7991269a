"""The command on a pair: every command that opens a database opens both files, or says what is wrong with them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.core.pair import begin_restore

from ..core.pairs import contents, split, state
from .command import run

if TYPE_CHECKING:
    from pathlib import Path

    from .command import Done


def pair(folder: Path, *words: str | Path) -> Done:
    """The command with both files of the pair in `folder`."""
    return run(*words, "--app-db", folder / "app_meta.db", "--events-db", folder / "events.db")


def write(folder: Path, value: str) -> None:
    """One row in app_meta and one event more."""
    config = split(folder)
    with ragkernel.open(config.app_db_path, config) as service:
        service.events.append(("thing", "1"), [ragkernel.NewEvent("made", {})])
        with service.write() as conn:
            queries.settings.upsert(conn, key="a", value=value)


def held(folder: Path) -> tuple[str, int]:
    """The row and the number of events."""
    config = split(folder)
    with ragkernel.open(config.app_db_path, config) as service:
        with service.read() as conn:
            setting = queries.settings.list_all(conn)[0].value
        return setting, len(service.events.read(("thing", "1")))


def test_a_pair_from_the_first_command_to_the_last(tmp_path: Path) -> None:
    """migrate makes both files, and info, status, health, backup and restore work on both."""
    (tmp_path / "app_meta.db").touch(0o600)  # as good as none
    done = pair(tmp_path, "migrate", "--json")
    assert (done.code, done.err) == (0, "")
    assert {step["database"] for step in done.json["steps"]} == {"app_meta", "events"}
    write(tmp_path, "1")
    told = pair(tmp_path, "info", "--json").json
    assert (told["events"], told["path"], told["events_path"]) == (
        1, str(tmp_path / "app_meta.db"), str(tmp_path / "events.db")
    )  # fmt: skip
    assert told["size_bytes"] == sum(os.stat(tmp_path / f"{name}.db").st_size for name in ("app_meta", "events"))
    assert str(tmp_path / "events.db") in pair(tmp_path, "info").out
    status = pair(tmp_path, "status", "--json").json
    assert (status["layout"], status["pending_migrations"]) == ("split", [])
    health = pair(tmp_path, "health", "--deep", "--json").json
    assert (health["status"], health["is_split_database"]) == ("ok", True)
    assert health["events_db_size"] > 0
    backup = pair(tmp_path, "backup", "--to", tmp_path / "kept", "--json").json
    assert [made["database"] for made in backup["backups"]] == ["app_meta", "events"]
    assert sorted(os.listdir(tmp_path / "kept")) == sorted(
        os.path.basename(path) for path in (backup["manifest"], *(made["path"] for made in backup["backups"]))
    )
    write(tmp_path, "2")
    done = pair(tmp_path, "restore", backup["manifest"], "--json")
    assert (done.code, done.err) == (0, "")
    assert held(tmp_path) == ("1", 1)
    assert all(os.path.exists(done.json[name]) for name in ("path", "events_path", "replaced", "events_replaced"))
    dry = pair(tmp_path, "migrate", "--to", "1", "--dry-run")
    assert "down" in dry.out
    back = pair(tmp_path, "migrate", "--to", "1", "--yes", "--json").json
    assert os.path.basename(back["backup"]).startswith("pair_before_migration_")


def test_the_second_file_in_the_environment_and_in_a_file(tmp_path: Path) -> None:
    """RAGKERNEL_EVENTS_DB_PATH with RAGKERNEL_USE_SPLIT_DATABASES, and the same fields in TOML, name a pair;
    --events-db means split mode by itself."""
    pair(tmp_path, "migrate")
    app, events = str(tmp_path / "app_meta.db"), str(tmp_path / "events.db")
    for split_mode in ("true", "false"):
        done = run(
            *("info", "--json"),
            RAGKERNEL_APP_DB_PATH=app,
            RAGKERNEL_EVENTS_DB_PATH=events,
            RAGKERNEL_USE_SPLIT_DATABASES=split_mode,
        )
        if split_mode == "true":
            assert (done.code, done.json["events_path"]) == (0, events)
        else:
            assert "belongs to a split store" in done.json["error"]["message"]
    (tmp_path / "store.toml").write_text(
        'app_db_path = "app_meta.db"\nevents_db_path = "events.db"\nuse_split_databases = true\n'
    )
    assert run("info", "--config", tmp_path / "store.toml").code == 0
    (tmp_path / "app.toml").write_text('app_db_path = "app_meta.db"\n')
    assert run("info", "--config", tmp_path / "app.toml", "--events-db", tmp_path / "events.db").code == 0
    assert run("info", "--app-db", tmp_path / "app_meta.db", RAGKERNEL_EVENTS_DB_PATH=str(tmp_path / "e.db")).code == 2


@pytest.mark.parametrize(
    "words", [["info"], ["status"], ["health"], ["backup"], ["migrate", "--dry-run"], ["list", "kbs"]]
)
def test_a_missing_partner_is_told_and_nothing_is_made(tmp_path: Path, words: list[str]) -> None:
    """With one file of a pair gone each command says which, and what to do, with exit code 2; without either, that
    there is no such database. No file is made or changed."""
    made = tmp_path / "made"
    made.mkdir()
    pair(made, "migrate")
    os.rename(made / "events.db", tmp_path / "events.db")
    before = contents(made)
    done = pair(made, *words)
    assert (done.code, done.out) == (2, "")
    assert "events.db, the events file of the pair" in done.err
    assert "ragkernel restore MANIFEST" in done.err
    assert contents(made) == before
    done = run(*words, "--app-db", made / "app_meta.db")
    assert (done.code, done.out) == (2, "")
    assert "--events-db FILE" in done.err
    assert contents(made) == before
    os.rename(made / "app_meta.db", tmp_path / "app_meta.db")
    assert "there is no such database" in pair(made, *words).err
    assert contents(made) == {}


@pytest.mark.parametrize(
    "damage",
    [f"{which} {how}" for how in ("lost", "spoilt", "emptied") for which in ("both", "app", "events")],
)
def test_a_pair_is_restored_after_a_loss(tmp_path: Path, damage: str) -> None:
    """`ragkernel restore MANIFEST` brings a pair back whose files are lost, empty or cannot be opened; what is left of
    them is kept under another name."""
    write(tmp_path, "1")
    backup = pair(tmp_path, "backup", "--json").json
    write(tmp_path, "2")
    which, _, how = damage.partition(" ")
    names = {"both": ("app_meta", "events"), "app": ("app_meta",), "events": ("events",)}[which]
    for name in names:
        if how == "lost":
            os.unlink(tmp_path / f"{name}.db")
        elif how == "emptied":
            (tmp_path / f"{name}.db").write_bytes(b"")
        else:
            (tmp_path / f"{name}.db").write_bytes(b"spoilt" * 1000)
            (tmp_path / f"{name}.db-wal").write_bytes(b"old")
    done = pair(tmp_path, "restore", backup["manifest"], "--json")
    assert (done.code, done.err) == (0, ""), done.err
    assert held(tmp_path) == ("1", 1)
    kept = [path for path in (done.json["replaced"], done.json["events_replaced"]) if path]
    assert len(kept) == (2 - len(names) if how == "lost" else 2)
    assert all(os.path.exists(path) for path in kept)
    left = {name for name in os.listdir(tmp_path) if ".replaced-" not in name}
    assert left == {"app_meta.db", "events.db", "backups"}


def test_a_store_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    """Where the pair cannot be opened because a file is a single store, or another application's, restore refuses: it
    replaces lost and damaged files of a pair alone."""
    write(tmp_path, "1")
    backup = pair(tmp_path, "backup", "--json").json
    single = tmp_path / "single"
    single.mkdir()
    ragkernel.open(single / "events.db").close()
    before = contents(single)
    for words in (["restore", backup["manifest"]], ["restore", backup["backups"][0]["path"]]):
        done = pair(single, *words)
        assert done.code == 2
        assert "single mode" in done.err
        assert contents(single) == before
    (single / "app_meta.db").write_bytes(b"spoilt" * 1000)
    before = contents(single)
    done = pair(single, "restore", backup["manifest"])
    assert done.code == 2
    assert "not the events file of a split pair" in done.err
    assert contents(single) == before


def test_files_of_two_pairs_are_replaced(tmp_path: Path) -> None:
    """Where the two files are of different pairs, the command that the error names works; both are kept."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, name)
    backup = pair(tmp_path / "one", "backup", "--json").json
    os.replace(tmp_path / "two" / "events.db", tmp_path / "one" / "events.db")
    told = pair(tmp_path / "one", "status")
    assert (told.code, "ragkernel restore MANIFEST" in told.err) == (2, True)
    done = pair(tmp_path / "one", "restore", backup["manifest"], "--json")
    assert (done.code, done.err) == (0, "")
    assert held(tmp_path / "one") == ("one", 1)
    assert all(os.path.exists(done.json[name]) for name in ("replaced", "events_replaced"))


def test_a_restore_is_not_locked_out_by_a_wrong_name(tmp_path: Path) -> None:
    """After a restore that was cut short with one file missing, a mistyped manifest makes no file, and the right one
    completes it; what is told of the replaced rows names the one file that was there."""
    write(tmp_path, "1")
    backup = pair(tmp_path, "backup", "--json").json
    with ragkernel.SqlService(split(tmp_path)) as service:
        begin_restore(service._app, backup["manifest"], "an id", json.dumps([None, None]))
    os.unlink(tmp_path / "events.db")
    assert pair(tmp_path, "restore", tmp_path / "mistyped.json").code == 1
    assert not (tmp_path / "events.db").exists()
    done = pair(tmp_path, "restore", backup["manifest"])
    assert (done.code, done.err) == (0, "")
    assert held(tmp_path) == ("1", 1)
    os.unlink(tmp_path / "app_meta.db")
    done = pair(tmp_path, "restore", backup["manifest"])
    lines = [line for line in done.out.splitlines() if ".replaced-" in line]
    assert [line.startswith("replaced rows are in") for line in lines] == [True]


def test_an_empty_single_store_is_restored(tmp_path: Path) -> None:
    """An empty file counts as lost in single mode as well; it is kept under another name."""
    path = tmp_path / "app.db"
    ragkernel.open(path).close()
    backup = run("backup", "--app-db", path, "--json").json["backups"][0]["path"]
    path.write_bytes(b"")
    done = run("restore", backup, "--app-db", path, "--json")
    assert (done.code, done.err) == (0, "")
    assert os.path.getsize(done.json["replaced"]) == 0
    assert run("status", "--app-db", path).code == 0


def test_going_on_with_a_restore_overwrites_no_other_store(tmp_path: Path) -> None:
    """With another store in the place of the events, the command that completes a restore refuses and changes
    nothing."""
    write(tmp_path, "1")
    backup = pair(tmp_path, "backup", "--json").json
    with ragkernel.SqlService(split(tmp_path)) as service:
        begin_restore(service._app, backup["manifest"], "an id", json.dumps([None, None]))
    ragkernel.open(tmp_path / "mine.db").close()
    before = contents(tmp_path)
    words = ("restore", backup["manifest"], "--app-db", tmp_path / "app_meta.db", "--events-db", tmp_path / "mine.db")
    done = run(*words)
    assert done.code == 2
    assert "single mode" in done.err
    assert contents(tmp_path) == before


def test_a_pair_is_restored_to_new_files(tmp_path: Path) -> None:
    """--to and --events-to name the two new files; one alone, or two in single mode, is a usage error."""
    write(tmp_path, "1")
    backup = pair(tmp_path, "backup", "--json").json
    beside = tmp_path / "beside"
    beside.mkdir()
    to, events_to = beside / "app_meta.db", beside / "events.db"
    assert pair(tmp_path, "restore", backup["manifest"], "--to", to).code == 2
    assert pair(tmp_path, "restore", backup["manifest"], "--events-to", events_to).code == 2
    words = ("restore", backup["manifest"], "--to", to, "--events-to", events_to)
    assert run(*words, "--app-db", tmp_path / "s.db").code == 2
    assert contents(beside) == {}
    done = pair(tmp_path, "restore", backup["manifest"], "--to", to, "--events-to", events_to)
    assert (done.code, done.err) == (0, "")
    assert held(beside) == ("1", 1)
    done = pair(tmp_path, "restore", backup["manifest"], "--to", to, "--events-to", events_to)
    assert done.code == 1
    assert "the target exists" in done.err


def test_an_interrupted_restore_is_told_with_its_command(tmp_path: Path) -> None:
    """A command on a pair whose restore was cut short says so, and the command that it names completes it."""
    write(tmp_path, "1")
    backup = pair(tmp_path, "backup", "--json").json
    write(tmp_path, "2")
    config = split(tmp_path)
    with ragkernel.SqlService(config) as service:
        begin_restore(service._app, backup["manifest"], "an id", json.dumps([None, None]))
    done = pair(tmp_path, "info")
    assert done.code == 2
    assert f"ragkernel restore {backup['manifest']}" in done.err
    assert pair(tmp_path, "restore", backup["manifest"]).code == 0
    assert held(tmp_path) == ("1", 1)
    assert "restoring" not in state(tmp_path / "app_meta.db")
