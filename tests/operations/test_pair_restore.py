"""Restoring a backup of a pair: both files or none, whatever is wrong with the backup and wherever it is killed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel.core import copy
from ragkernel.errors import BackupFailed, BackupRefused, RestoreInterrupted
from ragkernel.operations import manifest

from ..core.pairs import make_pair, split, state
from .pairs import backed_up, held, write
from .test_backup import folder, put

if TYPE_CHECKING:
    from collections.abc import Callable


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
