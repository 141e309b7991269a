"""Health of a pair: both files count, and each reason says which one it is about."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel import queries

from ..core.migrations import LATEST
from ..core.pairs import make_pair

if TYPE_CHECKING:
    from pathlib import Path


def test_both_files_are_measured(pair: ragkernel.SqlService, tmp_path: Path) -> None:
    """The specification's fields of the second file are filled, its sizes grow with its own data, and it is JSON."""
    before = pair.health_check()
    assert before.status == "ok"
    assert before.is_split_database
    assert before.events_db_size == os.stat(tmp_path / "events.db").st_size
    assert (before.app_pool_size, before.events_pool_size) == (3, 2)
    assert (before.schema_version, before.pending_migrations) == (LATEST, 0)
    pair.events.append(("thing", "1"), [ragkernel.NewEvent("made", {"x": "y" * 4000})] * 50)
    after = pair.health_check()
    assert before.events_wal_size is not None
    assert (after.events_wal_size or 0) > before.events_wal_size
    assert after.app_wal_size == before.app_wal_size
    assert after.page_count > before.page_count
    assert after.commits > before.commits
    assert json.loads(json.dumps(after.as_dict()))["events_pool_timeouts"] == 0


def test_readers_of_both_files_are_counted_and_named(pair: ragkernel.SqlService) -> None:
    """Readers in use are counted for the file that they read, and named with it."""
    with pair.get_events_connection() as conn:
        conn.execute("SELECT 'looked at'")
        busy = pair.health_check()
    assert busy.events_pool_active == 1
    assert busy.app_pool_active == 0
    assert any(reader.startswith("events: ") and "looked at" in reader for reader in busy.readers)
    with pair.read():
        busy = pair.health_check()
    assert (busy.app_pool_active, busy.events_pool_active) == (1, 0)
    assert [reader.partition(": ")[0] for reader in busy.readers] == ["app_meta"]


def test_waiting_writers_of_either_file_are_counted(pair: ragkernel.SqlService) -> None:
    """A thread in the queue of the events is seen in write_queue_waiting."""
    entered = threading.Event()

    def write() -> None:
        entered.set()
        with pair.write_events():
            pass

    waiting = threading.Thread(target=write)
    with pair.write_events():
        waiting.start()
        entered.wait(30)
        while not pair._events_db.writer.queue.waiting:
            os.sched_yield()
        assert pair.health_check().write_queue_waiting == 1
    waiting.join(30)


@pytest.mark.parametrize("name", ["app_meta", "events"])
def test_a_reason_says_which_file(tmp_path: Path, name: str) -> None:
    """A file that others may read, rows without their parent and pending migrations degrade or fail the pair, with the
    name of the file."""
    config = make_pair(tmp_path)
    path = tmp_path / f"{name}.db"
    os.chmod(path, 0o644)
    with ragkernel.SqlService(config) as service:
        health = service.health_check()
        assert (health.status, health.file_mode) == ("degraded", "0644")
        assert health.reasons == (f"{name}: others may read the file (mode 0644)",)
        os.chmod(path, 0o600)
        service.run_migrations(2 if name == "app_meta" else 3)
        health = service.health_check()
        assert f"{name}: pending migrations: " in "\n".join(health.reasons)
        assert health.pending_migrations == len(service.pending_migrations())
        service.run_migrations()
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute("CREATE TABLE mine (x INTEGER PRIMARY KEY, y REFERENCES mine (x))")
    raw.execute("INSERT INTO mine VALUES (1, 2)")
    raw.close()
    with ragkernel.SqlService(config) as service:
        assert service.health_check().status == "ok"
        deep = service.health_check(deep=True)
    assert (deep.status, deep.reasons) == ("failing", (f"{name}: row 1 of mine has no parent in mine",))


def test_the_older_of_two_last_runs_is_told(pair: ragkernel.SqlService) -> None:
    """What was done to one file alone was not done to the pair; vacuum and backup do both."""
    with pair.write() as conn:
        queries.kernel_state.upsert(conn, key="backup_last_run", value="2999-01-01 00:00:00")
    health = pair.health_check()
    assert (health.backup_last_run, health.vacuum_last_run) == (None, None)
    assert any("no backup" in notice for notice in health.notices)
    pair.backup_databases()
    pair.vacuum()
    health = pair.health_check()
    assert health.backup_last_run is not None
    assert health.backup_last_run.year < 2999
    assert health.vacuum_last_run is not None
    assert health.checkpoints >= 2
