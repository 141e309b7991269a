"""Restoring a backup of a pair: both files or none, whatever is wrong with the backup and wherever it is killed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel.core import copy
from ragkernel.errors import BackupFailed, BackupRefused, LayoutMismatch, RestoreInterrupted, SqlError
from ragkernel.operations import manifest
from ragkernel.operations.restore_pair import replace_pair, restore_pair_beside

from ..core.pairs import contents, make_pair, split, state
from ..core.support import start_python
from .test_backup import folder, put, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[ragkernel.SqlService]:
    config = split(tmp_path)
    with ragkernel.open(config.app_db_path, config) as service:
        yield service


def write(service: ragkernel.SqlService, value: str) -> None:
    """One event more, and the row `a` in app_meta."""
    service.events.append(("thing", "1"), [ragkernel.NewEvent("made", {})])
    put(service, a=value)


def held(service: ragkernel.SqlService) -> tuple[str | None, int]:
    """The row, and the number of events."""
    return settings(service).get("a"), len(service.events.read(("thing", "1")))


def backed_up(service: ragkernel.SqlService) -> str:
    """The manifest of a backup of ("1", 1); the pair goes on to ("2", 2)."""
    write(service, "1")
    (app, _) = service.backup_databases()
    write(service, "2")
    assert app.manifest is not None
    return app.manifest


@pytest.mark.parametrize("named", ["pair", "app_meta", "events"])
def test_any_of_the_three_files_restores_both(pair: ragkernel.SqlService, named: str) -> None:
    """The manifest, or either of its two files, restores both; what stood there is kept as a backup of the pair, which
    can be restored in turn, and backup_last_run is that one's."""
    made = backed_up(pair)
    path = (
        made if named == "pair" else getattr(manifest.load(made), "app_path" if named == "app_meta" else "events_path")
    )
    moment = pair.health_check().backup_last_run
    restored = pair.restore(path)
    assert held(pair) == ("1", 1)
    assert (restored.path, restored.events_path) == (pair._app.path, pair._events_db.path)
    for kept, name in ((restored.replaced, "app_meta"), (restored.events_replaced, "events")):
        assert os.path.basename(kept or "").startswith(f"{name}_before_restore_")
    health = pair.health_check(deep=True)
    assert health.status == "ok"
    assert health.backup_last_run is not None
    assert moment is not None
    assert health.backup_last_run > moment
    pair.restore(restored.replaced or "")
    assert held(pair) == ("2", 2)


def test_readers_keep_their_moment(pair: ragkernel.SqlService) -> None:
    """A snapshot taken before a restore goes on reading the old rows of its file."""
    made = backed_up(pair)
    with ragkernel.SqlService(pair.config) as other, other.read() as conn:
        before = conn.execute("SELECT value FROM settings").fetchall()
        pair.restore(made)
        assert conn.execute("SELECT value FROM settings").fetchall() == before == [("2",)]
    assert held(pair) == ("1", 1)


def test_a_backup_of_an_older_schema_is_migrated(pair: ragkernel.SqlService) -> None:
    """After a restore both files are at the latest version."""
    write(pair, "1")
    pair.run_migrations(2)
    (app, _) = pair.backup_databases()
    pair.run_migrations()
    restored = pair.restore(app.path)
    assert restored.schema_version == 2
    assert pair.pending_migrations() == []
    assert held(pair) == ("1", 1)


def test_a_backup_of_another_pair_makes_it_that_pair(pair: ragkernel.SqlService, tmp_path: Path) -> None:
    """The pair id comes with the rows, in both files."""
    other = make_pair(tmp_path / "other")
    with ragkernel.SqlService(other) as service:
        made = backed_up(service)
    pair.restore(made)
    pair.close()
    ids = {state(path / f"{name}.db")["pair_id"] for path in (tmp_path, other.app_db_path.parent)
           for name in ("app_meta", "events")}  # fmt: skip
    assert len(ids) == 1
    with ragkernel.open(pair.config.app_db_path, pair.config) as service:
        assert held(service) == ("1", 1)


def test_a_pair_is_restored_beside(pair: ragkernel.SqlService, tmp_path: Path) -> None:
    """To two new files, private and whole; one target alone or one that exists is refused, and nothing is made."""
    made = backed_up(pair)
    app, events = tmp_path / "a.db", tmp_path / "e.db"
    with pytest.raises(BackupFailed, match="one target"):
        pair.restore(made, app)
    events.touch()
    with pytest.raises(BackupFailed, match="the target exists"):
        pair.restore(made, app, events_to=events)
    assert not app.exists()
    events.unlink()
    restored = pair.restore(made, app, events_to=events)
    assert (restored.path, restored.events_path, restored.replaced) == (str(app), str(events), None)
    assert {os.stat(path).st_mode & 0o777 for path in (app, events)} == {0o600}
    assert "restoring" not in state(app)
    config = ragkernel.SqlConfig.split(app, events)
    with ragkernel.open(app, config) as service:
        assert held(service) == ("1", 1)
    assert held(pair) == ("2", 2)


def changed(path: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest."""
    said = json.loads(Path(path).read_text())
    change(said)
    Path(path).write_text(json.dumps(said))


def sealed(made: str, name: str) -> None:
    """Make the manifest say the digest that the file has now."""
    found = manifest.load(made)
    path = Path(found.app_path if name == "app_meta" else found.events_path)
    facts = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size_bytes": path.stat().st_size}
    changed(made, lambda said: said["files"][name].update(facts))


def tampered(made: str, name: str, sql: str) -> None:
    """Run a statement on a file of the backup, and make the manifest fit."""
    found = manifest.load(made)
    raw = sqlite3.connect(found.app_path if name == "app_meta" else found.events_path, isolation_level=None)
    raw.execute(sql)
    raw.close()
    sealed(made, name)


def _flip(made: str) -> None:
    path = Path(manifest.load(made).events_path)
    data = bytearray(path.read_bytes())
    data[40] ^= 1  # the schema cookie: SQLite finds nothing wrong with it
    path.write_bytes(data)


def _swap_events(made: str) -> None:
    found = manifest.load(made)
    other = make_pair(Path(made).parent / "other")
    shutil.copy(other.events_db_path or "", found.events_path)
    sealed(made, "events")


def _newer(made: str) -> None:
    sql = "INSERT INTO schema_migrations (version, name, database, sha256) VALUES (99, 'later', 'events', 'x')"
    tampered(made, "events", sql)


BROKEN: dict[str, tuple[Callable[[str], object], str]] = {
    "app_meta is gone": (lambda made: os.unlink(manifest.load(made).app_path), "one half of the backup"),
    "events is gone": (lambda made: os.unlink(manifest.load(made).events_path), "one half of the backup"),
    "a bit is flipped": (_flip, "digest differs"),
    "the halves are of two pairs": (_swap_events, "belongs to another pair"),
    "the position is another": (lambda made: changed(made, lambda said: said.update(event_position=7)), "end at 1"),
    "the halves are swapped": (
        lambda made: changed(
            made, lambda said: said.update(files=dict(zip(said["files"], [*said["files"].values()][::-1], strict=True)))
        ),
        "not the app_meta file of a split pair",
    ),
    "it is newer": (_newer, "schema version 99"),
    "it was taken inside a restore": (
        lambda made: tampered(made, "app_meta", "INSERT INTO kernel_state VALUES ('restoring', 'x')"),
        "was being made or restored",
    ),
    "a row has no parent": (
        lambda made: tampered(
            made, "app_meta", "INSERT INTO document_chunks VALUES ('a', 'b', 'c', 1, 'x', 'y', NULL, NULL, 'z')"
        ),
        "has no parent",
    ),
    "the manifest is no JSON": (lambda made: Path(made).write_text("{"), "not the manifest"),
    "the manifest is a list": (lambda made: Path(made).write_text("[]"), "not the manifest"),
    "the manifest lacks a digest": (lambda made: changed(made, lambda said: said["files"]["events"].pop("sha256")),
                                    "not the manifest"),
    "the manifest leads elsewhere": (
        lambda made: changed(made, lambda said: said["files"]["events"].update(name="../events.db")),
        "not the manifest",
    ),
    "the manifest is of another format": (lambda made: changed(made, lambda said: said.update(format=2)), "format 2"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_backup_that_is_not_whole_is_refused(pair: ragkernel.SqlService, what: str) -> None:
    """Both files and their digests are verified before anything is touched: no half is restored without the other, and
    nothing is copied aside for a backup that cannot be restored."""
    made = backed_up(pair)
    change, message = BROKEN[what]
    change(made)
    before = folder(pair)
    with pytest.raises(BackupRefused, match=message):
        pair.restore(made)
    with pytest.raises(BackupRefused, match=message):
        pair.restore(made, pair.config.backup_dir / "a.db", events_to=pair.config.backup_dir / "e.db")
    assert folder(pair) == before
    assert held(pair) == ("2", 2)
    pair.close()
    assert "restoring" not in state(pair.config.app_db_path)


def test_a_backup_of_the_other_layout_is_refused(pair: ragkernel.SqlService, tmp_path: Path) -> None:
    """A single store's backup in split mode, and a pair's manifest or file in single mode, are refused as such."""
    made = backed_up(pair)
    with ragkernel.open(tmp_path / "single.db") as single:
        (backup,) = single.backup_databases()
        for path in (made, manifest.load(made).app_path, manifest.load(made).events_path):
            with pytest.raises(BackupRefused, match="split"):
                single.restore(path)
            with pytest.raises(BackupRefused, match="split"):
                single.restore(path, tmp_path / "out.db")
    with pytest.raises(BackupRefused, match="backup of a single store"):
        pair.restore(backup.path)
    assert not (tmp_path / "out.db").exists()
    assert held(pair) == ("2", 2)


@pytest.mark.parametrize("name", ["app_meta.db", "events.db", ".", "nowhere.json"])
def test_what_is_no_backup_is_refused(pair: ragkernel.SqlService, tmp_path: Path, name: str) -> None:
    """The live files, a folder and a name of nothing are no backups."""
    write(pair, "1")
    with pytest.raises(BackupRefused):
        pair.restore(tmp_path / name)
    assert held(pair) == ("1", 1)


@pytest.mark.parametrize("linked", [False, True])
def test_a_manifest_of_the_live_files_is_refused(pair: ragkernel.SqlService, tmp_path: Path, linked: bool) -> None:
    """A manifest that names files in use, or hard links to them, is no way around: their newest rows stand in a -wal,
    and reading them for a digest would drop SQLite's locks (hazard 17)."""
    made = backed_up(pair)
    where = tmp_path
    if linked:
        where = tmp_path / "links"
        where.mkdir()
        for name in ("app_meta.db", "events.db"):
            os.link(tmp_path / name, where / name)
    files = {name: {**part, "name": f"{name}.db"} for name, part in json.loads(Path(made).read_text())["files"].items()}
    shutil.copy(made, where / "pair.json")
    changed(str(where / "pair.json"), lambda said: said.update(files=files))
    with pytest.raises(BackupRefused, match="in use"):
        pair.restore(where / "pair.json")


def test_another_page_size_is_refused_by_name(pair: ragkernel.SqlService, tmp_path: Path) -> None:
    """A half with other pages cannot be copied over the live file; neither half is, and beside it works."""
    made = backed_up(pair)
    path = manifest.load(made).events_path
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA page_size = 8192")
    raw.execute("VACUUM")
    raw.close()
    sealed(made, "events")
    with pytest.raises(BackupRefused, match="8192 bytes"):
        pair.restore(made)
    assert held(pair) == ("2", 2)
    pair.restore(made, tmp_path / "a.db", events_to=tmp_path / "e.db")


@pytest.mark.parametrize("locked", ["events.db", "app_meta.db"])
def test_a_lock_of_another_program_fails_a_restore(tmp_path: Path, locked: str) -> None:
    """Where the first file cannot be had, nothing is changed and no mark stays; where the second cannot, the error says
    that one of two is restored, and a restore afterwards completes it."""
    config = split(tmp_path, busy_timeout=timedelta(milliseconds=100))
    with ragkernel.open(config.app_db_path, config) as service:
        made = backed_up(service)
        real, other = copy.copy_over, sqlite3.connect(tmp_path / locked, isolation_level=None)

        def copy_over(source: str, target: Any, *, timeout: float) -> int:
            if target.path == str(tmp_path / locked):
                other.execute("BEGIN IMMEDIATE")
            return real(source, target, timeout=timeout)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(copy, "copy_over", copy_over)
            with pytest.raises(BackupFailed, match="took longer") as caught:
                service.restore(made)
        other.execute("ROLLBACK")
        other.close()
        if locked == "events.db":
            assert held(service) == ("2", 2)
        else:
            assert "only one of the two files is restored" in caught.value.message
            assert f"ragkernel restore {made}" in caught.value.hint
            with pytest.raises(RestoreInterrupted):
                ragkernel.SqlService(config)
            kept = len(folder(service))
            service.restore(made)
            assert len(folder(service)) == kept  # the rows from before were kept by the first attempt
            assert held(service) == ("1", 1)
    ragkernel.open(config.app_db_path, config).close()


def test_a_damaged_pair_is_restored_in_place(tmp_path: Path) -> None:
    """Where the present rows cannot be backed up because one file is damaged, both are copied aside unverified, and the
    restore goes on."""
    config = make_pair(tmp_path)
    with ragkernel.SqlService(config) as service:
        made = backed_up(service)
        put(service, **{f"k{number}": "x" * 3000 for number in range(100)})
    with open(config.app_db_path, "r+b") as file:
        file.seek(-4096 * 20, os.SEEK_END)
        file.write(b"\xff" * 100)
    with ragkernel.SqlService(config) as service:
        restored = service.restore(made)
        assert [path.endswith("_damaged.db") for path in (restored.replaced or "", restored.events_replaced or "")] == [
            True, True
        ]  # fmt: skip
        assert held(service) == ("1", 1)
        assert service.health_check(deep=True).status == "ok"


CHILD = """
    import os, sys, ragkernel
    from ragkernel.core import connection, copy
    from ragkernel.operations import restore_pair
    folder, made, stop, how = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    seen = 0
    armed = False
    def point():
        global seen
        seen += armed
        if armed and seen == stop:
            print("stopped", flush=True)
            sys.stdin.readline()
    def pointed(function):
        def wrapper(*rest, **more):
            point()
            return function(*rest, **more)
        return wrapper
    class Stopping(connection.Connection):
        def execute(self, sql, *rest):
            if self.in_transaction or sql.startswith("BEGIN IMMEDIATE"):
                point()
            return super().execute(sql, *rest)
    connection.Connection = Stopping
    copy.copy_over = pointed(copy.copy_over)
    for name in ("rename", "replace", "link"):
        setattr(os, name, pointed(getattr(os, name)))
    app, events = folder + "/app_meta.db", folder + "/events.db"
    config = ragkernel.SqlConfig.split(app, events, cache_size_kib=1000)
    if how == "in place":
        real = restore_pair.copy_pair_aside
        def copied(*rest):
            global armed
            kept = real(*rest)
            armed = True
            return kept
        restore_pair.copy_pair_aside = copied
        with ragkernel.SqlService(config) as service:
            service.restore(made)
    else:
        armed = True
        restore_pair.replace_pair(made, app, events)
    print("done", flush=True)
"""


def killed(tmp_path: Path, made: str, stop: int, how: str) -> bool:
    """Kill a restore before its stop-th step; False where it had ended before."""
    child = start_python(CHILD, str(tmp_path), made, str(stop), how)
    assert child.stdout is not None
    answer = child.stdout.readline()
    child.kill()
    assert answer in ("stopped\n", "done\n"), child.communicate()[1]
    child.communicate()
    return answer == "stopped\n"


def test_a_restore_in_place_killed_anywhere_is_completed(tmp_path: Path) -> None:
    """kill -9 before each step of a restore in place: the next opening finds both files as they were, or both restored,
    or says that a restore was interrupted; running it again completes it.

    child   step 1, …, n ─ says so and waits ─ killed
    this                                        opens, looks, restores, looks
    """
    source = make_pair(tmp_path / "source")
    with ragkernel.SqlService(source) as service:
        made = backed_up(service)
    stop, running = 0, True
    outcomes: list[tuple[str | None, int]] = []
    while running:
        stop += 1 if stop < 16 else 4  # behind it nothing is left to be replaced
        where = tmp_path / str(stop)
        where.mkdir()
        for name in ("app_meta.db", "events.db"):
            shutil.copy(tmp_path / "source" / name, where / name)
        running = killed(where, made, stop, "in place")
        config = split(where)
        if "restoring" in state(where / "app_meta.db"):
            outcomes.append(("interrupted", 0))
            with pytest.raises(RestoreInterrupted, match=f"ragkernel restore {re.escape(made)}"):
                ragkernel.open(config.app_db_path, config)
        else:
            with ragkernel.open(config.app_db_path, config) as service:
                outcomes.append(held(service))
        with ragkernel.SqlService(config, for_restore=True) as service:
            service.restore(made)
            assert held(service) == ("1", 1)
        ragkernel.open(config.app_db_path, config).close()
    expected: list[tuple[str | None, int]] = [("2", 2), ("interrupted", 0), ("1", 1)]
    assert outcomes[11:] == [("1", 1)] * len(outcomes[11:])
    assert list(dict.fromkeys(outcomes)) == expected
    assert outcomes == sorted(outcomes, key=lambda outcome: expected.index(outcome))


def test_a_replacement_of_lost_files_killed_anywhere_is_completed(tmp_path: Path) -> None:
    """kill -9 before each step of a restore over a pair of which one file is lost or damaged, or both: never is a
    mixture opened, nor a new, empty pair where a file was left; running it again completes it."""
    source = make_pair(tmp_path / "source")
    with ragkernel.SqlService(source) as service:
        made = backed_up(service)
    for app, events in (("lost", "sound"), ("sound", "spoilt"), ("spoilt", "lost"), ("lost", "lost")):
        stop, running = 0, True
        while running:
            stop += 1
            where = tmp_path / f"{app}-{events}-{stop}"
            where.mkdir()
            for name, found in (("app_meta.db", app), ("events.db", events)):
                if found == "sound":
                    shutil.copy(tmp_path / "source" / name, where / name)
                elif found == "spoilt":
                    (where / name).write_bytes(b"spoilt" * 1000)
            running = killed(where, made, stop, "replace")
            left = {name for name in ("app_meta.db", "events.db") if (where / name).exists()}
            assert left or (app, events) == ("lost", "lost")
            config, whole = split(where), False
            if left:  # else it is a new pair to everybody, as it was before
                with suppress(SqlError), ragkernel.SqlService(config) as service:
                    assert held(service) == ("1", 1)
                    whole = True
            assert whole or running
            if not whole:
                replace_pair(made, str(config.app_db_path), str(config.events_db_path))
                with ragkernel.open(config.app_db_path, config) as service:
                    assert held(service) == ("1", 1)


def test_a_replacement_that_fails_puts_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the second file cannot be put in its place, the first has its old content again, and nothing else lies
    there."""
    config = make_pair(tmp_path / "a")
    with ragkernel.SqlService(config) as service:
        made = backed_up(service)
    (tmp_path / "a" / "app_meta.db").write_bytes(b"spoilt" * 1000)
    before = contents(tmp_path)
    real = os.replace

    def replace(source: str, target: str) -> None:
        if target.endswith("events.db"):
            raise OSError(13, "Permission denied", target)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(BackupFailed, match="Permission denied"):
        replace_pair(made, str(config.app_db_path), str(config.events_db_path))
    assert contents(tmp_path) == before


def test_a_sound_store_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    """A single store, and the other half of a pair, are no lost files."""
    config = make_pair(tmp_path / "a")
    with ragkernel.SqlService(config) as service:
        made = backed_up(service)
    ragkernel.open(tmp_path / "single.db").close()
    before = contents(tmp_path)
    for app, events in ((tmp_path / "single.db", tmp_path / "e.db"), (config.events_db_path, tmp_path / "e.db")):
        with pytest.raises(LayoutMismatch, match="not the app_meta file"):
            replace_pair(made, str(app), str(events))
    with pytest.raises(BackupFailed, match="exists"):
        restore_pair_beside(made, str(tmp_path / "single.db"), str(tmp_path / "e.db"))
    assert contents(tmp_path) == before
