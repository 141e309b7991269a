"""Health: each figure is true, shown by making it change."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import ragkernel
from ragkernel import queries

from ..core.migrations import LATEST

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SPECIFICATION = [
    "app_db_size",
    "events_db_size",
    "app_pool_active",
    "events_pool_active",
    "wal_checkpoint_age",
    "vacuum_last_run",
    "backup_last_run",
    "is_split_database",
]


def test_the_specifications_eight_fields_come_first(service: ragkernel.SqlService) -> None:
    """DatabaseHealthMetrics has the eight fields by name, and says single mode where it is one."""
    health = service.health_check()
    assert list(health.as_dict())[:8] == SPECIFICATION
    assert (health.events_db_size, health.events_pool_active, health.is_split_database) == (None, None, False)
    assert health.status == "ok"
    assert health.reasons == ()


def test_it_is_json(service: ragkernel.SqlService) -> None:
    """as_dict is JSON as it stands."""
    service.backup_databases()
    text = json.dumps(service.health_check().as_dict())
    assert datetime.fromisoformat(json.loads(text)["backup_last_run"]).tzinfo is not None


def test_last_runs_are_none_until_they_ran_and_survive_a_restart(tmp_path: Path) -> None:
    """vacuum_last_run and backup_last_run are None at first, then the moment, also for the next process."""
    path = tmp_path / "app_meta.db"
    with ragkernel.open(path) as service:
        fresh = service.health_check()
        assert (fresh.vacuum_last_run, fresh.backup_last_run) == (None, None)
        assert any("no backup" in notice for notice in fresh.notices)
        service.backup_databases()
        service.vacuum()
        noted = service.health_check()
    for moment in (noted.vacuum_last_run, noted.backup_last_run):
        assert moment is not None
        assert timedelta(0) <= datetime.now(UTC) - moment < timedelta(minutes=1)
    with ragkernel.open(path) as service:
        again = service.health_check()
    assert (again.vacuum_last_run, again.backup_last_run) == (noted.vacuum_last_run, noted.backup_last_run)


def test_a_restore_keeps_the_true_last_backup(service: ragkernel.SqlService) -> None:
    """After a restore backup_last_run is the backup made just before it, not what the restored rows say."""
    (backup,) = service.backup_databases()
    service.restore(backup.path)
    moment = service.health_check().backup_last_run
    assert moment is not None
    assert moment >= backup.created_at


def test_sizes_and_pages_grow_with_the_data(service: ragkernel.SqlService) -> None:
    """Writing makes the WAL and then, after a checkpoint, the file larger; deleting makes free pages."""
    before = service.health_check()
    with service.write() as conn:
        for number in range(200):
            queries.settings.insert(conn, key=str(number), value="x" * 4000)
    written = service.health_check()
    assert written.page_count > before.page_count
    assert written.app_wal_size > before.app_wal_size
    service.vacuum()
    assert service.health_check().app_db_size > before.app_db_size
    assert written.commits > before.commits
    assert written.free_disk > 0
    assert written.sqlite_version == sqlite3.sqlite_version


def test_pool_and_queue_are_counted(service: ragkernel.SqlService) -> None:
    """Readers in use and threads waiting to write are seen while they are, and the reader is named."""
    inside, done = threading.Event(), threading.Event()

    def read() -> None:
        with service.read() as conn:
            conn.execute("SELECT 'looked at'")
            inside.set()
            done.wait(30)

    reader = threading.Thread(target=read, name="a-reader")
    reader.start()
    inside.wait(30)
    busy = service.health_check()
    done.set()
    reader.join(30)
    idle = service.health_check()
    assert busy.app_pool_active == 1
    assert any("a-reader" in entry and "looked at" in entry for entry in busy.readers)
    assert idle.app_pool_active == 0
    assert idle.app_pool_open >= 2


def test_the_checkpoint_age_starts_anew(service: ragkernel.SqlService) -> None:
    """wal_checkpoint_age counts from opening, then from the last checkpoint."""
    opened = service.health_check()
    assert opened.checkpoints == 0
    assert opened.wal_checkpoint_age >= timedelta(0)
    with service.write() as conn:
        queries.settings.insert(conn, key="a", value="b")
    service.vacuum()
    after = service.health_check()
    assert after.checkpoints >= 1
    assert after.wal_checkpoint_age < opened.wal_checkpoint_age + timedelta(seconds=30)
    rollbacks = after.rollbacks
    try:
        with service.write():
            raise KeyError
    except KeyError:
        pass
    assert service.health_check().rollbacks == rollbacks + 1


def test_pending_migrations_degrade(service: ragkernel.SqlService) -> None:
    """A file at an older schema is degraded and says how much is missing."""
    service.run_migrations(3)
    health = service.health_check()
    assert (health.status, health.pending_migrations, health.schema_version) == ("degraded", LATEST - 3, 3)
    assert any("pending migrations: " in reason for reason in health.reasons)


def test_a_file_that_was_never_migrated_is_degraded(tmp_path: Path) -> None:
    """Before the first migration health says how much is pending instead of failing on a table."""
    with ragkernel.SqlService(ragkernel.SqlConfig.test(tmp_path)) as service:
        health = service.health_check(deep=True)
    assert (health.status, health.pending_migrations, health.schema_version) == ("degraded", LATEST, 0)
    assert (health.vacuum_last_run, health.backup_last_run) == (None, None)


def test_a_readable_file_degrades(service: ragkernel.SqlService) -> None:
    """A file that others may read is named with its mode."""
    os.chmod(service.config.app_db_path, 0o644)
    health = service.health_check()
    assert (health.status, health.file_mode) == ("degraded", "0644")


def test_damage_is_found_by_a_deep_check(tmp_path: Path) -> None:
    """A row without its parent makes a deep check fail, and a quick one does not look for it."""
    path = tmp_path / "app_meta.db"
    ragkernel.open(path).close()
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute("INSERT INTO documents (id, kb_id, title, source_path, content_hash) VALUES ('a', 'b', 'c', 'd', 'e')")
    raw.close()
    with ragkernel.open(path) as service:
        assert service.health_check().status == "ok"
        deep = service.health_check(deep=True)
    assert deep.status == "failing"
    assert deep.reasons == ("row 1 of documents has no parent in knowledge_bases",)


def test_a_capped_setting_is_a_notice(tmp_path: Path) -> None:
    """A size that this SQLite caps is told, without changing the status; one that it takes is not told."""
    config = ragkernel.SqlConfig.single(tmp_path / "app_meta.db", mmap_size=2**40)
    with contextlib.closing(sqlite3.connect(":memory:")) as scratch:
        options = [option for (option,) in scratch.execute("PRAGMA compile_options")]
    largest = next(option.partition("=")[2] for option in options if option.startswith("MAX_MMAP_SIZE="))
    capped = int(largest, 0) < 2**40
    with ragkernel.open(config.app_db_path, config) as service:
        health = service.health_check()
    assert health.status == "ok"
    assert any("mmap_size" in notice for notice in health.notices) is capped


def test_an_exposed_sqlite_is_a_notice(service: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library with the WAL-reset bug is named, a repaired one is not."""
    from ragkernel.operations import health

    monkeypatch.setattr(health, "exposed_to_wal_reset", lambda version: True)
    assert any("WAL-reset" in notice for notice in service.health_check().notices)
    monkeypatch.setattr(health, "exposed_to_wal_reset", lambda version: False)
    assert not any("WAL-reset" in notice for notice in service.health_check().notices)


def test_a_reader_that_keeps_the_wal_is_told(tmp_path: Path) -> None:
    """While a reader keeps much of the -wal file from being reused, health says so, and who reads; not afterwards."""
    config = ragkernel.SqlConfig.test(tmp_path, journal_size_limit=400_000, checkpoint_pages=10)
    with ragkernel.open(config) as service:

        def write() -> None:
            for number in range(60):
                with service.write() as conn:
                    queries.settings.upsert(conn, key=str(number), value="x" * 5000)

        with service.read():
            write()
            health = service.health_check()
            assert any("bytes of the WAL" in notice for notice in health.notices)
            assert len(health.readers) == 1
        write()
        assert not any("bytes of the WAL" in notice for notice in service.health_check().notices)
