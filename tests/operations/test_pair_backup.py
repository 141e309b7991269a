"""The backup of a pair: two copies of one moment, whole under their names or not at all (decision 13)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import stat
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel.core import copy
from ragkernel.core import pair as pairs
from ragkernel.errors import BackupFailed, BackupRefused
from ragkernel.operations import files, manifest

from ..core.migrations import LATEST
from ..core.pairs import make_pair, split, state
from ..core.support import finish, start_python
from .test_backup import folder, put, settings

if TYPE_CHECKING:
    from ragkernel.core.connection import Connection


def append(service: ragkernel.SqlService, count: int = 1) -> int:
    """Append events; the position of the last one."""
    return service.events.append(("thing", "1"), [ragkernel.NewEvent("made", {})] * count)[-1].id


def query(path: str | os.PathLike[str], sql: str) -> Any:
    """The first value of a query on a file that nobody writes."""
    copied = sqlite3.connect(f"file:{os.fspath(path)}?mode=ro&immutable=1", uri=True)
    value = copied.execute(sql).fetchone()[0]
    copied.close()
    return value


def test_a_pair_is_three_private_files_with_one_stamp(pair: ragkernel.SqlService) -> None:
    """app_meta, events and the manifest carry the same stamp, are readable by their owner only, and the manifest says
    pair, position, version, moment, names, sizes and digests."""
    put(pair, theme="dark")
    position = append(pair, 3)
    app, events = pair.backup_databases()
    assert (app.database, events.database) == ("app_meta", "events")
    stamp = re.fullmatch(r"app_meta_(\d{8}_\d{6})\.db", os.path.basename(app.path))
    assert stamp is not None
    assert folder(pair) == [f"app_meta_{stamp[1]}.db", f"events_{stamp[1]}.db", f"pair_{stamp[1]}.json"]
    for name in folder(pair):
        assert stat.S_IMODE(os.stat(pair.config.backup_dir / name).st_mode) == 0o600
    assert app.manifest == events.manifest
    assert app.manifest is not None
    said = json.loads(Path(app.manifest).read_text())
    assert said == {
        "format": 1,
        "pair_id": said["pair_id"],
        "event_position": position,
        "schema_version": LATEST,
        "created_at": app.created_at.isoformat(),
        "files": {
            made.database: {
                "name": os.path.basename(made.path),
                "size_bytes": made.size_bytes,
                "sha256": hashlib.sha256(Path(made.path).read_bytes()).hexdigest(),
            }
            for made in (app, events)
        },
    }
    assert query(app.path, "SELECT value FROM settings") == "dark"
    assert query(events.path, "SELECT count(*) FROM events") == 3
    for made in (app, events):
        assert query(made.path, "SELECT value FROM kernel_state WHERE key = 'pair_id'") == said["pair_id"]
    assert pair.health_check().backup_last_run is not None


def test_pairs_of_one_second_have_names_of_their_own(pair: ragkernel.SqlService) -> None:
    """Several backups within a second get the same number in all three names; a name that is taken for one of them is
    taken for all."""
    made = [pair.backup_databases()[0] for _ in range(4)]
    assert len({each.path for each in made}) == 4
    assert len(folder(pair)) == 12
    rests = {re.sub("^(app_meta|events|pair)", "", name).partition(".")[0] for name in folder(pair)}
    assert len(rests) == 4


def test_a_name_taken_meanwhile_moves_the_whole_pair(
    pair: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process takes a name between two files of ours, all three get the next number, and the other's file
    stays."""
    real = files.publish
    taken: list[str] = []

    def publish(temporary: str, final: str, *, number_it: bool) -> str:
        if os.path.basename(final).startswith("events") and not taken:
            taken.append(final)
            Path(final).write_text("theirs")
        return real(temporary, final, number_it=number_it)

    monkeypatch.setattr(files, "publish", publish)
    app, events = pair.backup_databases()
    assert [os.path.basename(each.path).endswith("_2.db") for each in (app, events)] == [True, True]
    assert Path(taken[0]).read_text() == "theirs"
    assert len(folder(pair)) == 4


WRITER = """
    import sys, ragkernel
    folder, nested = sys.argv[1], sys.argv[2] == "nested"
    config = ragkernel.SqlConfig.split(folder + "/app_meta.db", folder + "/events.db", mmap_size=0)
    queries = ragkernel.queries
    def note(service, conn):
        queries.settings.upsert(conn, key="position", value=str(position))
    with ragkernel.open(config.app_db_path, config) as service:
        while True:
            if nested:
                with service.write() as conn:
                    position = service.events.append(("a", "b"), [ragkernel.NewEvent("x", {})])[0].id
                    note(service, conn)
            else:
                position = service.events.append(("a", "b"), [ragkernel.NewEvent("x", {})])[0].id
                with service.write() as conn:
                    note(service, conn)
            for _ in range(20):  # the locks are free meanwhile, or a backup would wait for its luck
                service.events.read(("a", "b"), limit=20)
            if position == 1:
                print("begun", flush=True)
"""


@pytest.mark.parametrize("order", ["nested", "one after the other"])
def test_app_meta_is_never_ahead_of_the_events(tmp_path: Path, order: str) -> None:
    """Under a constant writer that appends an event and then notes its id in app_meta, no backup has a note without its
    event. Where the writer holds app_meta while it appends, each backup has exactly the events that are noted, because
    both locks are held when the moment is taken.

    writer   event 1, note 1, event 2, note 2 ···················· killed
    main                 backup, backup, backup … ─ looks ─ kills
    """
    config = make_pair(tmp_path, busy_timeout=timedelta(seconds=30))
    writer = start_python(WRITER, str(tmp_path), order)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "begun\n"
    try:
        with ragkernel.SqlService(config) as service:
            made = [service.backup_databases() for _ in range(4 if order == "nested" else 12)]
    finally:
        writer.kill()
        writer.communicate()
    seen = []
    for app, events in made:
        noted = int(query(app.path, "SELECT value FROM settings WHERE key = 'position'"))
        last = int(query(events.path, "SELECT max(id) FROM events"))
        assert noted <= last
        assert manifest.load(app.manifest or "").event_position == last
        if order == "nested":
            assert noted == last
        seen.append(last)
    assert len(set(seen)) > len(made) // 2


def test_both_write_locks_are_held_while_the_moment_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two snapshots another process can commit to neither file, and afterwards, before the copy, to both.

    other    ready ─────── tries both: held, held ───────── tries both: done, done
    main     pins app_meta ┘                       pins events, leaves ┘
    """
    script = """
        import sys, ragkernel
        from datetime import timedelta
        folder = sys.argv[1]
        config = ragkernel.SqlConfig.split(folder + "/app_meta.db", folder + "/events.db", mmap_size=0,
                                           busy_timeout=timedelta(milliseconds=50))
        with ragkernel.open(config.app_db_path, config) as service:
            print("ready", flush=True)
            for line in sys.stdin:
                for scope in (service.write(), service.write_events()):
                    try:
                        with scope as conn:
                            ragkernel.queries.kernel_state.upsert(conn, key="other", value="was here")
                        print("done", flush=True)
                    except ragkernel.errors.WriterTimeout:
                        print("held", flush=True)
    """
    config = make_pair(tmp_path)
    other = start_python(script, str(tmp_path))
    assert other.stdin is not None
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    answers: list[str] = []
    real_pin, real_copy = copy._pin, copy.copy_snapshot
    pinned: list[Connection] = []

    def try_both() -> None:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write("\n")
        other.stdin.flush()
        answers.extend(other.stdout.readline().strip() for _ in range(2))

    def pin(source: Connection) -> None:
        if pinned:
            try_both()
        pinned.append(source)
        real_pin(source)

    def copy_snapshot(source: Connection, path: str, **options: Any) -> int:
        if len(answers) == 2:
            try_both()
        return real_copy(source, path, **options)

    monkeypatch.setattr(copy, "_pin", pin)
    monkeypatch.setattr(copy, "copy_snapshot", copy_snapshot)
    with ragkernel.SqlService(config) as service:
        made = service.backup_databases()
    finish(other)
    assert answers == ["held", "held", "done", "done"]
    for each in made:
        assert query(each.path, "SELECT count(*) FROM kernel_state WHERE key = 'other'") == 0


def test_the_copy_itself_keeps_nobody_waiting(pair: ragkernel.SqlService) -> None:
    """Once the moment is taken both files can be written, during the copy; what is written then is not in it, and the
    progress counts the pages of both files."""
    put(pair, **{f"k{number}": "x" * 4000 for number in range(3000)})
    append(pair)
    steps: list[tuple[int, int]] = []

    def watch(done: int, total: int) -> None:
        steps.append((done, total))
        put(pair, during="x")
        append(pair)

    app, events = pair.backup_databases(progress=watch)
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    assert {total for _, total in steps} == {steps[-1][0]}
    assert len(steps) >= 3
    assert query(app.path, "SELECT count(*) FROM settings") == 3000
    assert query(events.path, "SELECT count(*) FROM events") == 1


def test_a_pair_without_a_schema_has_nothing_to_back_up(tmp_path: Path) -> None:
    """Before the first migration a backup is refused by its true reason; with the tables of one file it is made."""
    with ragkernel.SqlService(split(tmp_path)) as service:
        with pytest.raises(BackupFailed, match="no schema of ragkernel yet"):
            service.backup_databases()
        service.run_migrations(1)
        put(service, a="1")
        (app, _) = service.backup_databases()
        put(service, a="2")
        service.restore(app.path)
        assert settings(service) == {"a": "1"}
        assert service.pending_migrations() == []


@pytest.mark.parametrize("failing", ["second copy", "manifest", "folder"])
def test_a_backup_that_fails_leaves_nothing(
    pair: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """An error in the second copy, in the manifest or in the folder is a BackupFailed, and no file stands under any
    name."""
    put(pair, a="1")

    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if failing == "folder":
        pair.config.backup_dir.write_text("a file")
    elif failing == "manifest":
        monkeypatch.setattr(manifest, "write", broken)
    else:
        real = manifest.describe
        monkeypatch.setattr(
            manifest, "describe", lambda path, name: broken() if name.startswith("events") else real(path, name)
        )
    with pytest.raises(BackupFailed, match="cannot write the backup"):
        pair.backup_databases()
    assert failing == "folder" or folder(pair) == []


def test_a_backup_killed_before_its_manifest_is_none(tmp_path: Path) -> None:
    """kill -9 between the two files and the manifest: what stands there is refused as a backup, and the next backup
    takes another number."""
    config = make_pair(tmp_path)
    script = """
        import os, sys, ragkernel
        from ragkernel.operations import manifest
        def stopped(*rest, **more):
            print("stopped", flush=True)
            sys.stdin.readline()
        manifest.write = stopped
        folder = sys.argv[1]
        config = ragkernel.SqlConfig.split(folder + "/app_meta.db", folder + "/events.db")
        ragkernel.open(config.app_db_path, config).backup_databases()
    """
    child = start_python(script, str(tmp_path))
    assert child.stdout is not None
    assert child.stdout.readline() == "stopped\n"
    child.kill()
    child.communicate()
    with ragkernel.SqlService(config) as service:
        left = folder(service)
        assert [name.partition("_2")[0] for name in left] == ["app_meta", "events"]
        for name in left:
            with pytest.raises(
                BackupRefused, match=r"half of a pair, and its manifest pair_\S+\.json is not beside it"
            ):
                service.restore(config.backup_dir / name)
        (app, _) = service.backup_databases()
        service.restore(app.path)


def test_a_pair_that_is_half_restored_is_not_backed_up(pair: ragkernel.SqlService) -> None:
    """While a restore has not reached both files a backup is refused with the command that completes it."""
    (app, _) = pair.backup_databases()
    pairs.begin_restore(pair._app, app.manifest or "", "an id", "[]")
    with pytest.raises(BackupFailed, match=r"ragkernel restore \S+\.json"):
        pair.backup_databases()
    assert len(folder(pair)) == 3
    pairs.give_up_restore(pair._app)
    pair.backup_databases()


def test_a_compact_copy_of_a_pair_is_two_files(pair: ragkernel.SqlService, tmp_path: Path) -> None:
    """vacuum(into, events_into) writes both files, which open as the same pair; one target alone, or one that exists,
    is refused and leaves nothing."""
    put(pair, a="1")
    append(pair)
    with pytest.raises(BackupFailed, match="events_into"):
        pair.vacuum(tmp_path / "a.db")
    (tmp_path / "there.db").touch()
    with pytest.raises(BackupFailed, match="exists"):
        pair.vacuum(tmp_path / "a.db", events_into=tmp_path / "there.db")
    assert not (tmp_path / "a.db").exists()
    pair.vacuum(tmp_path / "a.db", events_into=tmp_path / "e.db")
    pair.vacuum()
    config = ragkernel.SqlConfig.split(tmp_path / "a.db", tmp_path / "e.db")
    with ragkernel.open(config.app_db_path, config) as copied:
        assert settings(copied) == {"a": "1"}
        assert len(copied.events.read(("thing", "1"))) == 1
    assert state(tmp_path / "a.db")["pair_id"] == state(tmp_path / "e.db")["pair_id"]


def test_two_targets_in_single_mode_are_refused(service: ragkernel.SqlService, tmp_path: Path) -> None:
    """A second file is a word of split mode alone."""
    with pytest.raises(BackupFailed, match="single mode"):
        service.vacuum(tmp_path / "a.db", events_into=tmp_path / "e.db")
    (backup,) = service.backup_databases()
    assert backup.manifest is None
    with pytest.raises(BackupFailed, match="single mode"):
        service.restore(backup.path, tmp_path / "a.db", events_to=tmp_path / "e.db")
