"""One store in one file or in two: what fits is opened, what does not is refused and left as it is; forming a pair
survives kills and other processes."""

from __future__ import annotations

import os
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel.core import layout, pair
from ragkernel.errors import ConfigurationError, ForeignApplication, LayoutMismatch, NotADatabase, RestoreInterrupted

from .migrations import CARRIED, facts, schema_sql
from .pairs import contents, make_pair, split, state
from .support import finish, start_python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ragkernel.core.connection import Connection
    from ragkernel.core.database import Database
    from ragkernel.core.layout import Mark

VERSIONS = {part: [entry.version for entry in CARRIED if entry.database == part] for part in ("app_meta", "events")}


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs, a single store, another application's database, and what is no database; for copying only."""
    folder = tmp_path_factory.mktemp("stock")
    make_pair(folder / "one")
    make_pair(folder / "two")
    ragkernel.open(folder / "single.db").close()
    foreign = sqlite3.connect(folder / "foreign.db")
    foreign.execute("PRAGMA application_id = 77")
    foreign.execute("CREATE TABLE theirs (x)")
    foreign.commit()
    foreign.close()
    (folder / "garbage.db").write_bytes(b"no database" * 1000)
    (folder / "empty.db").touch()
    return folder


APP, EVENTS = "one/app_meta.db", "one/events.db"


@pytest.mark.parametrize(
    ("app", "events", "error", "message"),
    [
        (APP, None, LayoutMismatch, r"split store \(it is its app_meta file\)"),
        (EVENTS, None, LayoutMismatch, r"split store \(it is its events file\)"),
        ("single.db", EVENTS, LayoutMismatch, r"single\.db is a store of its own in single mode"),
        ("single.db", "no.db", LayoutMismatch, r"single\.db is a store of its own in single mode"),
        (APP, "single.db", LayoutMismatch, r"single\.db is a store of its own in single mode"),
        ("no.db", "single.db", LayoutMismatch, r"single\.db is a store of its own in single mode"),
        (
            "no.db",
            EVENTS,
            LayoutMismatch,
            r"no\.db, the app_meta file of the pair that \S+events\.db belongs to, is miss",
        ),
        (APP, "no.db", LayoutMismatch, r"no\.db, the events file of the pair that \S+app_meta\.db belongs to, is miss"),
        (APP, "empty.db", LayoutMismatch, r"empty\.db, the events file of the pair .* is missing or empty"),
        (APP, "two/events.db", LayoutMismatch, r"app_meta\.db and \S+events\.db belong to two different pairs"),
        (EVENTS, APP, LayoutMismatch, "the two files are swapped"),
        (EVENTS, "no.db", LayoutMismatch, "the two files are swapped"),
        ("no.db", APP, LayoutMismatch, "the two files are swapped"),
        (APP, "two/app_meta.db", LayoutMismatch, "both are the same file of a pair"),
        (EVENTS, "two/events.db", LayoutMismatch, "both are the same file of a pair"),
        (APP, "foreign.db", ForeignApplication, "another application"),
        ("no.db", "foreign.db", ForeignApplication, "another application"),
        ("foreign.db", EVENTS, ForeignApplication, "another application"),
        ("no.db", "garbage.db", NotADatabase, "not a database"),
        ("no.db", "nowhere/events.db", ragkernel.errors.ConnectionFailed, "its folder does not exist"),
    ],
)
def test_files_that_do_not_fit_are_refused_and_left_alone(
    stock: Path, tmp_path: Path, app: str, events: str | None, error: type[Exception], message: str
) -> None:
    """A configuration and files that disagree are refused when the service is opened, by name and with what to do; no
    file is made, none is changed."""
    folder = tmp_path / "copy"
    shutil.copytree(stock, folder)
    before = contents(folder)
    if events is None:
        config = ragkernel.SqlConfig.single(folder / app)
    else:
        config = ragkernel.SqlConfig.split(folder / app, folder / events)
    with pytest.raises(error, match=message) as caught:
        ragkernel.SqlService(config)
    assert contents(folder) == before
    assert isinstance(caught.value, ragkernel.SqlError)
    assert caught.value.hint


@pytest.mark.parametrize("content", ["prepared", "empty"])
@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_one_file_under_two_names_is_refused(tmp_path: Path, link: Callable[[Path, Path], None], content: str) -> None:
    """The same file twice, through a symbolic or a hard link, is no pair: device and inode say so, also before the file
    says anything."""
    app, events = tmp_path / "app_meta.db", tmp_path / "other.db"
    if content == "prepared":
        make_pair(tmp_path)
    else:
        app.touch()
    link(app, events)
    before = contents(tmp_path)
    with pytest.raises(ConfigurationError, match=r"lead to the same file|the same file as app_db_path"):
        ragkernel.SqlService(ragkernel.SqlConfig.split(app, events))
    assert contents(tmp_path) == before


def test_a_pair_knows_itself_by_an_id(tmp_path: Path) -> None:
    """Both files carry layout, the same pair id and which of the two they are; two pairs have different ids."""
    one, two = make_pair(tmp_path / "one"), make_pair(tmp_path / "two")
    ids = set()
    for config in (one, two):
        assert config.events_db_path is not None
        app, events = state(config.app_db_path), state(config.events_db_path)
        assert app == {"layout": "split", "pair_id": app["pair_id"], "database": "app_meta"}
        assert events == {**app, "database": "events"}
        ids.add(app["pair_id"])
    assert len(ids) == 2


def test_a_moved_pair_is_still_a_pair(tmp_path: Path) -> None:
    """Names and folders do not matter, the ids do."""
    make_pair(tmp_path / "one")
    os.rename(tmp_path / "one" / "events.db", tmp_path / "history.db")
    config = split(tmp_path / "one").replace(events_db_path=tmp_path / "history.db")
    with ragkernel.open(config.app_db_path, config) as service:
        assert service.pending_migrations() == []


def test_processes_that_open_a_new_pair_at_once_form_one(tmp_path: Path) -> None:
    """Eight processes open and migrate one new pair at the same moment, 20 times: one pair id, each migration once per
    file, both schemas whole.

    process k   ready ─ waits for its line ─ opens and migrates ─ ok
    """
    script = """
        import sys, ragkernel
        print("ready", flush=True)
        for line in sys.stdin:
            folder = line.strip()
            config = ragkernel.SqlConfig.split(folder + "/app_meta.db", folder + "/events.db", cache_size_kib=1000)
            with ragkernel.open(config.app_db_path, config) as service:
                assert service.pending_migrations() == []
            print("ok", flush=True)
    """
    processes = [start_python(script) for _ in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{folder}\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout is not None
            answer = process.stdout.readline()
            assert answer == "ok\n", process.communicate()[1]
        app, events = state(folder / "app_meta.db"), state(folder / "events.db")
        assert app["pair_id"] == events["pair_id"]
        assert "forming" not in app
        for part in ("app_meta", "events"):
            connection = sqlite3.connect(folder / f"{part}.db")
            applied = connection.execute("SELECT version FROM schema_migrations ORDER BY version").fetchall()
            connection.close()
            assert [version for (version,) in applied] == VERSIONS[part]
            assert facts(folder / f"{part}.db") == schema_sql("common", part)
    for process in processes:
        finish(process)


def test_a_pair_whose_making_is_killed_anywhere_is_completed_by_the_next_opening(tmp_path: Path) -> None:
    """kill -9 before each statement of the first opening: what stands then is refused by nobody, and the next opening
    makes a whole pair of it, with the id that was given first.

    child   statement 1, …, n ─ says "n" and waits ─ killed
    this                                              looks, opens, looks
    """
    script = """
        import sys, ragkernel
        from ragkernel.core import connection
        folder, stop = sys.argv[1], int(sys.argv[2])
        seen = 0
        class Stopping(connection.Connection):
            def execute(self, sql, *rest):
                global seen
                if self.in_transaction or sql.startswith(("BEGIN IMMEDIATE", "PRAGMA journal_mode")):
                    seen += 1
                    if seen == stop:
                        print("stopped", flush=True)
                        sys.stdin.readline()
                return super().execute(sql, *rest)
        connection.Connection = Stopping
        config = ragkernel.SqlConfig.split(folder + "/app_meta.db", folder + "/events.db")
        ragkernel.open(config.app_db_path, config)
        print("done", flush=True)
    """
    stop, stopped, seen = 0, True, set()
    while stopped:
        stop += 1 if stop < 32 else 4
        folder = tmp_path / str(stop)
        folder.mkdir()
        child = start_python(script, str(folder), str(stop))
        assert child.stdout is not None
        stopped = child.stdout.readline() == "stopped\n"
        child.kill()
        child.communicate()
        app, events = state(folder / "app_meta.db"), state(folder / "events.db")
        seen.add(("forming" in app, bool(app), bool(events)))
        assert not events or events["pair_id"] == app["pair_id"], stop
        config = split(folder)
        with ragkernel.open(config.app_db_path, config) as service:
            assert service.pending_migrations() == []
        after = state(folder / "app_meta.db")
        assert after == {"layout": "split", "pair_id": app.get("pair_id", after["pair_id"]), "database": "app_meta"}
        assert state(folder / "events.db") == {**after, "database": "events"}
        for part in ("app_meta", "events"):
            assert facts(folder / f"{part}.db") == schema_sql("common", part)
    nothing, begun, followed, formed = (
        (False, False, False), (True, True, False), (True, True, True), (False, True, True)
    )  # fmt: skip
    assert seen == {nothing, begun, followed, formed}


def test_a_file_that_joined_another_pair_meanwhile_is_refused(tmp_path: Path) -> None:
    """What the files say is looked at again under the write lock: a second pair is not formed over a file that another
    process has taken since the service was opened."""
    first = split(tmp_path)
    second = first.replace(app_db_path=tmp_path / "other.db")
    with ragkernel.SqlService(first) as one, ragkernel.SqlService(second) as two:
        one.run_migrations()
        with pytest.raises(LayoutMismatch, match=r"other\.db"):
            two.run_migrations()
    assert state(tmp_path / "other.db") == {}
    assert state(tmp_path / "events.db")["pair_id"] == state(tmp_path / "app_meta.db")["pair_id"]


def test_a_file_that_joins_another_pair_in_between_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The events file, too, is looked at again under its write lock: taken by another pair after app_meta was marked,
    it is in that pair alone."""
    first = split(tmp_path)
    second = first.replace(app_db_path=tmp_path / "other.db")
    real = pair._change

    with ragkernel.SqlService(first) as one, ragkernel.SqlService(second) as two:

        def change(database: Database, action: Callable[[Connection], str]) -> str:
            changed = real(database, action)
            monkeypatch.setattr(pair, "_change", real)
            two.run_migrations()
            return changed

        monkeypatch.setattr(pair, "_change", change)
        with pytest.raises(LayoutMismatch, match="two different pairs"):
            one.run_migrations()
    assert "forming" in state(tmp_path / "app_meta.db")
    assert state(tmp_path / "events.db")["pair_id"] == state(tmp_path / "other.db")["pair_id"]


def test_what_both_files_say_is_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair that another process forms between the look at the one file and at the other is no mismatch."""
    config = split(tmp_path)
    real, looked = layout.look, []

    def look(path: str, seconds: float) -> Mark:
        mark = real(path, seconds)
        looked.append(path)
        if len(looked) == 1:
            monkeypatch.setattr(layout, "look", real)
            make_pair(tmp_path)
            monkeypatch.setattr(layout, "look", look)
        return mark

    monkeypatch.setattr(layout, "look", look)
    with ragkernel.SqlService(config) as service:
        assert service.pending_migrations() == []
    assert len(looked) > 3


def test_an_interrupted_restore_is_told_at_the_opening(tmp_path: Path) -> None:
    """The mark of a restore that has not reached both files refuses the pair, names the command, and lets a service
    for the restore in."""
    config = make_pair(tmp_path)
    with ragkernel.SqlService(config) as service:
        pair.begin_restore(service._app, "/backups/pair_x.json", "an id", "[]")
    with pytest.raises(RestoreInterrupted, match=r"ragkernel restore /backups/pair_x\.json"):
        ragkernel.open(config.app_db_path, config)
    ragkernel.SqlService(config, for_restore=True).close()


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ("single.db", r"single\.db is a store of its own in single mode"),
        ("two/events.db", "belong to two different pairs"),
        ("two/app_meta.db", "both are the same file of a pair"),
        ("no.db", "is missing or empty"),
        ("empty.db", "is missing or empty"),
    ],
)
def test_going_on_with_a_restore_takes_no_other_file(stock: Path, tmp_path: Path, events: str, message: str) -> None:
    """A service for the restore of a pair that was cut short refuses an events file that was not part of it: its rows
    would be overwritten. Nothing is made or changed."""
    folder = tmp_path / "copy"
    shutil.copytree(stock, folder)
    with ragkernel.SqlService(split(folder / "one")) as service:
        pair.begin_restore(service._app, "/backups/pair_x.json", "an id", "[]")
    before = contents(folder)
    with pytest.raises(LayoutMismatch, match=message):
        ragkernel.SqlService(split(folder / "one").replace(events_db_path=folder / events), for_restore=True)
    assert contents(folder) == before


def test_a_service_for_a_restore_makes_no_file(tmp_path: Path) -> None:
    """A mistyped name becomes no new, empty store, which would stand in the way of the right restore."""
    with pytest.raises(ragkernel.errors.ConnectionFailed, match="does not exist"):
        ragkernel.SqlService(split(tmp_path), for_restore=True)
    assert contents(tmp_path) == {}


def test_a_refused_file_keeps_its_wal(tmp_path: Path) -> None:
    """What a killed process has left in a -wal stays there, byte by byte, when the file is refused."""
    script = """
        import os, sqlite3, sys
        raw = sqlite3.connect(sys.argv[1], isolation_level=None)
        raw.execute("PRAGMA application_id = 77")
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("CREATE TABLE theirs (x)")
        os._exit(0)
    """
    path = tmp_path / "theirs.db"
    finish(start_python(script, str(path)))
    before = contents(tmp_path)
    assert before["theirs.db-wal"]
    for present in (True, False):
        if not present:
            os.unlink(f"{path}-shm")
        with pytest.raises(ForeignApplication):
            ragkernel.SqlService(ragkernel.SqlConfig.single(path))
        after = contents(tmp_path)
        assert {name: after[name] for name in ("theirs.db", "theirs.db-wal")} == {
            name: before[name] for name in ("theirs.db", "theirs.db-wal")
        }


def test_a_file_is_looked_at_beside_its_writer(tmp_path: Path) -> None:
    """The newest marks are seen while the file is open and in use, and looking ends nothing."""
    config = make_pair(tmp_path)
    with ragkernel.SqlService(config) as service:
        pair.begin_restore(service._app, "/backups/pair_x.json", "an id", "[]")
        assert os.path.getsize(f"{config.app_db_path}-wal") > 0
        assert layout.look(str(config.app_db_path), 0.0).restoring == "/backups/pair_x.json"
        pair.give_up_restore(service._app)
        assert layout.look(str(config.app_db_path), 0.0).restoring is None


def test_a_locked_file_is_waited_for(tmp_path: Path) -> None:
    """A file that another program holds exclusively at the moment is looked at again until busy_timeout, and then
    refused as busy, not as foreign."""
    config = make_pair(tmp_path)
    other = sqlite3.connect(config.app_db_path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ragkernel.errors.DatabaseBusy):
        layout.look(str(config.app_db_path), 0.05)
    other.execute("ROLLBACK")
    other.close()
    assert layout.look(str(config.app_db_path), 0.05).layout == "split"
