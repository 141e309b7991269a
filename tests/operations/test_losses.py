"""Restores after a loss or a mistake: what a lost file left beside it, what is no damage, what is not overwritten."""

from __future__ import annotations

import os
import resource
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.core import copy
from ragkernel.core.checkpoint import Checkpointer
from ragkernel.core.migrate import APP_META, EVENTS
from ragkernel.errors import BackupFailed, DiskFull, RestoreInterrupted, SqlError, TransactionFailed, WriterTimeout
from ragkernel.ingestion import job
from ragkernel.operations import files
from ragkernel.operations.restore import replace_unopenable, restore_beside
from ragkernel.operations.restore_pair import replace_pair

from ..core.pairs import contents, make_pair, split, state
from ..core.support import finish, start_python
from .pairs import backed_up, held, write
from .test_backup import folder, put, settings

if TYPE_CHECKING:
    from pathlib import Path

    from ragkernel.operations.restore import Restored

DATABASES = (APP_META, EVENTS)


def leave_wal(path: str | os.PathLike[str]) -> None:
    """What a killed process leaves: a -wal with rows that the database itself does not hold."""
    script = """
        import os, sqlite3, sys
        raw = sqlite3.connect(sys.argv[1], isolation_level=None)
        raw.execute("BEGIN")
        for number in range(300):
            raw.execute("INSERT INTO kernel_state VALUES (?, ?)", (f"late{number}", "x" * 200))
        raw.execute("COMMIT")
        os._exit(0)
    """
    finish(start_python(script, os.fspath(path)))
    assert os.path.getsize(f"{os.fspath(path)}-wal") > 0


def require_restored(config: ragkernel.SqlConfig) -> None:
    """The rows of the backup, and nothing of a -wal from before it."""
    paths = [config.app_db_path, *([config.events_db_path] if config.events_db_path else [])]
    with ragkernel.open(config) as service:
        assert settings(service) == {"a": "1"}
        assert service.health_check(deep=True).status == "ok"
    assert not [key for path in paths for key in state(path) if key.startswith("late")]


@pytest.mark.parametrize("how", ["restore", "vacuum"])
def test_a_wal_that_a_lost_file_left_is_kept_aside(tmp_path: Path, how: str) -> None:
    """Where the database is gone and its -wal is not, the new file of that name does not get the old rows; the -wal is
    kept under another name (hazard 39)."""
    path = tmp_path / "lost" / "a.db"
    path.parent.mkdir()
    ragkernel.open(path).close()
    with ragkernel.open(tmp_path / "app_meta.db") as service:
        put(service, a="1")
        (backup,) = service.backup_databases()
        leave_wal(path)
        size = os.path.getsize(f"{path}-wal")
        path.unlink()
        if how == "restore":
            service.restore(backup.path, path)
        else:
            service.vacuum(path)
    kept = [name for name in os.listdir(path.parent) if ".replaced-" in name and name.endswith("-wal")]
    assert [os.path.getsize(path.parent / name) for name in kept] == [size]
    require_restored(ragkernel.SqlConfig.single(path))


def test_a_wal_beside_a_lost_half_is_kept_aside(tmp_path: Path) -> None:
    """Of a pair, too, a -wal without its file does not come into the restored one (hazard 39)."""
    config = make_pair(tmp_path / "a")
    with ragkernel.SqlService(config) as service:
        made = backed_up(service)
    for path in (config.app_db_path, config.events_db_path):
        leave_wal(path or "")
        os.unlink(path or "")
    replace_pair(made, str(config.app_db_path), str(config.events_db_path))
    assert len([name for name in os.listdir(tmp_path / "a") if name.endswith("-wal")]) == 2
    require_restored(config)


def test_a_replacement_cut_short_anywhere_is_completed_without_the_old_wal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever rename a kill hits, a restore afterwards gives the backup's rows alone: the -wal goes first, so that it
    never stands beside nothing (hazard 39)."""
    real, left = os.rename, 0

    def rename(source: str, target: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        real(source, target)

    for steps in range(4):
        path = tmp_path / str(steps) / "app_meta.db"
        path.parent.mkdir()
        with ragkernel.open(path) as service:
            put(service, a="1")
            (backup,) = service.backup_databases()
        leave_wal(path)
        with open(path, "r+b") as file:
            file.write(b"\xff" * 100)
        left = steps
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", rename)
            if steps < 3:  # -wal, -shm, the file
                with pytest.raises(KeyboardInterrupt):
                    replace_unopenable(backup.path, str(path), databases=DATABASES)
                assert path.exists()
            else:
                replace_unopenable(backup.path, str(path), databases=DATABASES)
        if steps < 3:
            replace_unopenable(backup.path, str(path), databases=DATABASES)
        require_restored(ragkernel.SqlConfig.single(path))


@pytest.mark.parametrize("mode", ["single", "split"])
def test_an_ingest_does_not_go_on_with_restored_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """A restore ends the runs that its backup holds as running: an ingest over whose rows it was done stops, activates
    nothing, and the next one stores every document."""
    monkeypatch.setattr(job, "BATCH_DOCUMENTS", 1)
    texts = tmp_path / "texts"
    texts.mkdir()
    for name in "abcde":
        (texts / f"{name}.md").write_text(name)
    config = split(tmp_path) if mode == "split" else ragkernel.SqlConfig.test(tmp_path)
    with ragkernel.open(config) as service:
        backups: list[str] = []

        def look(report: ragkernel.IngestReport) -> None:
            if report.files == 1 and not backups:
                made = service.backup_databases()[0]
                backups.append(made.manifest or made.path)
            elif report.files == 3 and len(backups) == 1:
                service.restore(backups[0])
                backups.append("restored")

        with pytest.raises(TransactionFailed, match="took over"):
            ragkernel.ingest(service, texts, kb="x", progress=look)
        with service.read() as conn:
            assert queries.knowledge_bases.latest_active(conn, name="x") is None
            (run,) = queries.pipeline_runs.newest_first(conn, kb_name="x", status=None, before=None, limit=5)
        assert (run.status, run.error_message) == ("failed", "the database was restored")
        assert run.completed_at is not None
        ragkernel.ingest(service, texts, kb="x")
        with service.read() as conn:
            base = queries.knowledge_bases.latest_active(conn, name="x")
            assert base is not None
            assert len(list(queries.documents.fingerprints(conn, kb_id=base.id))) == 5


def test_a_held_lock_is_no_damage(tmp_path: Path) -> None:
    """Where the present rows of a pair cannot be backed up because another program holds a lock, the restore says so:
    it neither goes on nor leaves an unverified copy."""
    config = split(tmp_path, busy_timeout=timedelta(milliseconds=100))
    with ragkernel.open(config) as service:
        made = backed_up(service)
        before = folder(service)
        other = sqlite3.connect(config.app_db_path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WriterTimeout):
            service.restore(made)
        other.close()
        assert folder(service) == before
        assert held(service) == ("2", 2)


@pytest.mark.parametrize("mode", ["single", "split"])
def test_a_failed_copy_is_no_damage(tmp_path: Path, mode: str) -> None:
    """Where the copy of the present rows cannot be written, the database is not called damaged, and nothing is
    restored or left behind: here the files of this process may not become as large."""
    config = split(tmp_path) if mode == "split" else ragkernel.SqlConfig.test(tmp_path)
    with ragkernel.open(config) as service:
        put(service, a="1")
        made = service.backup_databases()[0]
        put(service, a="2", b="x" * 400_000)
        before = folder(service)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
        try:
            with pytest.raises(SqlError) as caught:
                service.restore(made.manifest or made.path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert "damaged" not in str(caught.value)
        assert folder(service) == before
        assert settings(service)["a"] == "2"


def test_two_targets_are_two_files(tmp_path: Path) -> None:
    """Restoring or vacuuming a pair to one file under two names, through a link too, is refused, and makes nothing."""
    config = make_pair(tmp_path / "a")
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    with ragkernel.SqlService(config) as service:
        made = backed_up(service)
        one = tmp_path / "out" / "x.db"
        for other in (one, tmp_path / "link" / "x.db"):
            with pytest.raises(BackupFailed, match="the same file"):
                service.restore(made, one, events_to=other)
            with pytest.raises(BackupFailed, match="the same file"):
                service.vacuum(one, events_into=other)
    assert contents(tmp_path / "out") == {}


def test_a_vacuum_of_a_pair_leaves_no_half(tmp_path: Path) -> None:
    """Where the second copy cannot be made, the first is gone again."""
    config = make_pair(tmp_path / "a")
    (tmp_path / "e.db").touch()
    with ragkernel.SqlService(config) as service, pytest.raises(BackupFailed, match="the target exists"):
        service.vacuum(tmp_path / "x.db", events_into=tmp_path / "e.db")
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize("letter", ["a", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_a_name_as_long_as_allowed_can_be_written(service: ragkernel.SqlService, tmp_path: Path, letter: str) -> None:
    """The temporary name of a file whose own name is as long as SQLite's beside it allow is no longer than that."""
    stem = letter * (240 // len(letter.encode()))
    put(service, a="1")
    service.vacuum(tmp_path / f"{stem}.db")
    (backup,) = service.backup_databases()
    restored = restore_beside(backup.path, str(tmp_path / f"{stem[1:]}.db"), databases=DATABASES)
    assert os.path.exists(restored.path)
    assert len(os.fsencode(os.path.basename(files.temporary_name(restored.path)))) + len("-journal") <= 255


def restored_twice(service: ragkernel.SqlService, made: str, *locked: Path) -> list[BackupFailed]:
    """Restores, each with one file locked from the moment at which it is to be replaced; why they failed."""
    caught = []
    real = copy.copy_over
    for path in locked:
        other = sqlite3.connect(path, isolation_level=None)

        def copy_over(
            source: str, target: Any, *, timeout: float, path: Path = path, other: sqlite3.Connection = other
        ) -> int:
            if target.path == str(path):
                other.execute("BEGIN IMMEDIATE")
            return real(source, target, timeout=timeout)

        with pytest.MonkeyPatch.context() as patch, pytest.raises(BackupFailed) as failure:
            patch.setattr(copy, "copy_over", copy_over)
            service.restore(made)
        caught.append(failure.value)
        other.close()
    return caught


def test_a_second_attempt_that_fails_early_keeps_the_mark(tmp_path: Path) -> None:
    """Where the events were replaced by a first attempt, one that fails before it has replaced anything does not take
    the mark away: the pair is a mixture still."""
    config = split(tmp_path, busy_timeout=timedelta(milliseconds=100))
    with ragkernel.open(config) as service:
        made = backed_up(service)
        failures = restored_twice(service, made, tmp_path / "app_meta.db", tmp_path / "events.db")
        assert ["only one of the two files" in failure.message for failure in failures] == [True, True]
        with pytest.raises(RestoreInterrupted):
            ragkernel.SqlService(config)
        service.restore(made)
        assert held(service) == ("1", 1)


def test_a_restore_of_another_pair_is_completed_in_place(tmp_path: Path) -> None:
    """Cut short between the two files, the events carry the other pair's id already; a service for the restore takes
    that for what it is."""
    with ragkernel.open(make_pair(tmp_path / "other")) as service:
        made = backed_up(service)
    config = split(tmp_path, busy_timeout=timedelta(milliseconds=100))
    with ragkernel.open(config) as service:
        write(service, "mine")
        restored_twice(service, made, tmp_path / "app_meta.db")
    with ragkernel.SqlService(config, for_restore=True) as service:
        restored: Restored = service.restore(made)
        assert held(service) == ("1", 1)
    assert restored.schema_version > 0
    assert "restoring_pair_id" not in state(tmp_path / "app_meta.db")


@pytest.mark.parametrize("mode", ["single", "split"])
def test_a_restore_whose_checkpoint_fails_has_succeeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """The restored rows are committed before the checkpoint, so that a disk that is full just then fails nothing."""
    config = split(tmp_path) if mode == "split" else ragkernel.SqlConfig.test(tmp_path)
    with ragkernel.open(config) as service:
        put(service, a="1")
        made = service.backup_databases()[0]
        put(service, a="2")

        def run(*_: object) -> None:
            raise DiskFull("database or disk is full", operation="checkpoint")

        with monkeypatch.context() as patch:
            patch.setattr(Checkpointer, "run", run)
            service.restore(made.manifest or made.path)
        assert settings(service) == {"a": "1"}
