"""A full disk, on a real small file system: a typed error, reading goes on, nothing half done, and all works again
when there is space. And a file that another program cuts short."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel.core.bulk import insert_in_bulk
from ragkernel.core.pragmas import Settings
from ragkernel.errors import BulkStopped, DiskFull, MigrationFailed, SqlError

from .support import count_notes, finish, make_database, run_threads, start_python
from .test_bulk import insert_many

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ragkernel.core.database import Database

ADD = "INSERT INTO notes (body) VALUES (?)"
SETTINGS = Settings(cache_size_kib=500, mmap_size=0, busy_timeout_ms=200, journal_size_limit=1_000_000)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 6 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system can be mounted by root alone")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, *, spare: int = 0) -> None:
    """Take all the space there is, but about `spare` bytes."""
    with open(disk / "ballast", "wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(bytes(4096))
    os.truncate(disk / "ballast", max(0, (disk / "ballast").stat().st_size - spare))


def free(disk: Path) -> None:
    (disk / "ballast").unlink()


def require_sound(database: Database) -> None:
    """Nobody holds anything, no transaction is open, a new thread's reader reads, and the file is whole."""
    assert database.writer.queue.owner is None
    assert not database.writer.connection().in_transaction
    run_threads([lambda: require_whole(database)])


def require_whole(database: Database) -> None:
    with database.read() as conn:
        assert conn.execute("PRAGMA integrity_check")[0] == ("ok",)


@pytest.mark.parametrize("size", [100, 3000, 100_000])
def test_a_write_on_a_full_disk_is_a_typed_error(disk: Path, size: int) -> None:
    """Transactions small and large fail by DiskFull and leave nothing; reading goes on; with space they work again."""
    with make_database(disk / "notes.db", SETTINGS, checkpoint_pages=100) as database:
        with database.write() as conn:
            conn.execute(ADD, ("first",))
        fill(disk)
        with pytest.raises(DiskFull) as caught:
            for _ in range(1000):
                with database.write() as conn:
                    conn.change_many(ADD, [("x" * size,)] * 40)
        assert caught.value.hint
        assert caught.value.path == database.path
        before = count_notes(database)
        assert before % 40 == 1
        require_sound(database)
        with pytest.raises(DiskFull), database.write() as conn:
            conn.change_many(ADD, [("x" * size,)] * 10_000)
        require_sound(database)
        free(disk)
        with database.write() as conn:
            conn.execute(ADD, ("last",))
        assert count_notes(database) == before + 1
        assert database.checkpoint() is not None
        require_sound(database)


def test_a_swallowed_full_disk_commits_nothing_by_halves(disk: Path) -> None:
    """Where the error is caught inside its scope, the rest of the scope is either refused or part of a transaction."""
    with make_database(disk / "notes.db", SETTINGS) as database:
        fill(disk)
        with suppress(SqlError), database.write() as conn:
            conn.execute(ADD, ("one",))
            with pytest.raises(DiskFull):
                conn.change_many(ADD, [("x" * 100_000,)] * 100)
            conn.execute(ADD, ("two",))
        assert count_notes(database) in (0, 2)
        require_sound(database)


def test_a_checkpoint_on_a_full_disk_fails_no_commit(disk: Path) -> None:
    """What fits into the -wal file and not into the database is committed; the failure is kept for health."""
    with make_database(disk / "notes.db", SETTINGS, checkpoint_pages=100_000) as database:
        with database.write() as conn:
            conn.change_many(ADD, [("x" * 3000,)] * 300)
        fill(disk)
        database.writer.checkpointer.demand()
        with suppress(DiskFull), database.write() as conn:
            conn.execute(ADD, ("more",))
        with pytest.raises(DiskFull):
            database.checkpoint()
        assert count_notes(database) in (300, 301)
        require_sound(database)
        free(disk)
        result = database.checkpoint()
        assert result is not None
        assert result.complete
        require_sound(database)


def test_a_bulk_load_on_a_full_disk_says_how_far_it_came(disk: Path) -> None:
    """Its error names the full disk and the rows that are stored; the rest can be loaded when there is space."""
    rows = [f"{number:1000d}" for number in range(3000)]
    with make_database(disk / "notes.db", SETTINGS) as database:
        fill(disk, spare=2_500_000)
        with pytest.raises(BulkStopped) as caught:
            insert_in_bulk(database, insert_many, rows)
        assert isinstance(caught.value.__cause__, DiskFull)
        assert caught.value.code_name == "SQLITE_FULL"
        stored = caught.value.rows_stored
        assert 0 < stored < 3000
        assert count_notes(database) == stored
        require_sound(database)
        free(disk)
        assert insert_in_bulk(database, insert_many, rows[stored:][:500]) == 500
        with database.read() as conn:
            assert [row[0] for row in conn.execute("SELECT body FROM notes ORDER BY id")] == rows[: stored + 500]


def test_a_migration_on_a_full_disk_leaves_the_file_as_it_was(disk: Path, tmp_path: Path) -> None:
    """It fails by a typed error with the full disk as its reason, at its old version; with space it is taken."""
    config = ragkernel.SqlConfig.single(
        disk / "app_meta.db", journal_size_limit=1_000_000, backup_dir=tmp_path / "backups", checkpoint_pages=10
    )
    with ragkernel.SqlService(config) as service:
        service.run_migrations(2)
        base = "kb" * 150  # long, so that an index of it is larger than what the -wal file has room for
        with service.write() as conn:
            conn.execute(
                "INSERT INTO knowledge_bases (id, name, status, embedder_model, chunk_size, chunk_overlap)"
                " VALUES (?, 'kb', 'active', 'none', 1, 0)",
                (base,),
            )
            conn.execute("INSERT INTO pipelines (id, name, config, status) VALUES ('p', 'p', '{}', 'active')")
        for start in range(0, 5000, 100):
            with service.write() as conn:
                conn.change_many(
                    "INSERT INTO pipeline_runs (id, pipeline_id, kb_id, status, started_at)"
                    " VALUES (?, 'p', ?, 'completed', '2026-01-02 03:04:05')",
                    ((str(number), base) for number in range(start, start + 100)),
                )
        pending = [step.version for step in service.pending_migrations()]
        fill(disk)
        with pytest.raises(SqlError) as caught:
            service.run_migrations()
        reasons = [caught.value, caught.value.__cause__]
        assert any(isinstance(reason, DiskFull) for reason in reasons) or caught.value.code_name == "SQLITE_FULL"
        assert isinstance(caught.value, MigrationFailed | DiskFull)
        left = [step.version for step in service.pending_migrations()]
        assert left == pending[-len(left) :]
        assert left
        with service.read() as conn:
            assert conn.execute("SELECT count(*) FROM pipeline_runs")[0] == (5000,)
            assert conn.execute("PRAGMA integrity_check")[0] == ("ok",)
        free(disk)
        service.run_migrations()
        assert service.pending_migrations() == []


def test_opening_on_a_full_disk_is_a_typed_error(disk: Path) -> None:
    """A file that cannot be opened for want of space is named, nothing is held, and it opens when there is space."""
    make_database(disk / "notes.db", SETTINGS).close()
    fill(disk)
    with pytest.raises(SqlError) as caught:
        make_database(disk / "notes.db", SETTINGS)
    assert caught.value.path == str(disk / "notes.db")
    free(disk)
    with make_database(disk / "notes.db", SETTINGS) as database:
        require_sound(database)


TRUNCATED = """
    import sys
    from pathlib import Path
    from ragkernel.errors import SqlError
    from tests.core.test_disk import SETTINGS, make_database
    database = make_database(Path(sys.argv[1]), SETTINGS)
    with database.write() as conn:
        conn.change_many("INSERT INTO notes (body) VALUES (?)", [("x" * 3000,)] * 500)
    database.checkpoint()
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        with database.read() as conn:
            conn.execute("SELECT sum(length(body)) FROM notes")
        print("read")
    except SqlError as error:
        print(type(error).__name__, error.code_name)
"""


def test_a_file_that_is_cut_short_is_an_error_without_mmap(tmp_path: Path) -> None:
    """Where mmap_size is 0, a database that another program truncates makes reads fail by a typed error; the process
    lives on (hazard 10)."""
    path = tmp_path / "notes.db"
    process = start_python(TRUNCATED, str(path))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.truncate(path, 100 * 4096)
    assert finish(process, "\n").split()[0] in ("DatabaseDamaged", "QueryFailed", "NotADatabase")


def test_threads_meet_a_full_disk_together(disk: Path) -> None:
    """Each gets its own typed error, nobody waits for ever, and what was acknowledged is there."""
    acknowledged: list[str] = []
    failures: list[DiskFull] = []
    barrier = threading.Barrier(4)
    with make_database(disk / "notes.db", SETTINGS) as database:
        fill(disk, spare=500_000)

        def write_on(number: int) -> None:
            barrier.wait(30)
            try:
                for turn in range(10_000):
                    body = f"{number} {turn} " + "x" * 2000
                    with database.write() as conn:
                        conn.execute(ADD, (body,))
                    acknowledged.append(body)
            except DiskFull as error:
                failures.append(error)

        run_threads([lambda number=number: write_on(number) for number in range(4)])  # type: ignore[misc]
        assert len(failures) == 4
        with database.read() as conn:
            found = {row[0] for row in conn.execute("SELECT body FROM notes")}
        assert found == set(acknowledged)
        require_sound(database)
