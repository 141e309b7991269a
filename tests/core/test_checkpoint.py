"""The one checkpointer: when it runs, and that nobody can commit while it does (hazard 22)."""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest

from ragkernel.core import checkpoint, pragmas
from ragkernel.core.bulk import BulkLoading, insert_in_bulk
from ragkernel.core.checkpoint import Checkpointer, CheckpointResult, exposed_to_wal_reset
from ragkernel.core.connection import Connection
from ragkernel.core.pragmas import Settings
from ragkernel.errors import DatabaseBusy, SqlError

from .support import count_notes, make_database, record_statements, run_threads
from .test_bulk import insert_many

if TYPE_CHECKING:
    from pathlib import Path

    from ragkernel.core.database import Database


def write_notes(database: Database, count: int) -> None:
    for _ in range(count):
        with database.write() as writer:
            writer.execute("INSERT INTO notes (body) VALUES (?)", ("x" * 3000,))


def test_every_checkpoint_runs_under_the_write_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each checkpoint statement of a whole life is PASSIVE, on the second connection, while the writer connection holds
    BEGIN IMMEDIATE; nothing else checkpoints."""
    seen = record_statements(monkeypatch)
    states: list[tuple[bool, bool]] = []
    real = pragmas.passive_checkpoint

    def watched(connection: Connection) -> tuple[int, int, int]:
        writer = database.writer.connection()
        states.append((connection is not writer, writer.in_transaction))
        return real(connection)

    monkeypatch.setattr(pragmas, "passive_checkpoint", watched)
    database = make_database(tmp_path / "notes.db", checkpoint_pages=50)
    write_notes(database, 200)
    with BulkLoading(database):
        insert_in_bulk(database, insert_many, ("x" * 1000 for _ in range(3000)))
    database.vacuum()
    database.checkpoint()
    database.close()
    checkpoints = [sql for _, sql in seen if "checkpoint" in sql and "autocheckpoint" not in sql]
    assert checkpoints == ["PRAGMA wal_checkpoint(PASSIVE)"] * len(states)
    assert len(states) >= 7
    assert set(states) == {(True, True)}
    automatic = {sql for _, sql in seen if "wal_autocheckpoint" in sql}
    assert automatic == {"PRAGMA wal_autocheckpoint = 0", "PRAGMA wal_autocheckpoint"}


def test_no_foreign_commit_can_happen_during_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a checkpoint runs, another program's BEGIN IMMEDIATE is refused by SQLite's own write lock."""
    refused: list[bool] = []
    real = pragmas.passive_checkpoint

    def intrude(connection: Connection) -> tuple[int, int, int]:
        other = sqlite3.connect(connection.path, timeout=0, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            refused.append(False)
        except sqlite3.OperationalError as error:
            refused.append(error.sqlite_errorcode == sqlite3.SQLITE_BUSY)
        other.close()
        return real(connection)

    with make_database(tmp_path / "notes.db") as database:
        write_notes(database, 3)
        monkeypatch.setattr(pragmas, "passive_checkpoint", intrude)
        database.checkpoint()
    assert refused == [True, True]  # the one asked for, and the one at close


def test_the_wal_stays_near_its_threshold(tmp_path: Path) -> None:
    """Thousands of pages in single commits keep the -wal file within a few times the threshold."""
    with make_database(tmp_path / "notes.db", checkpoint_pages=100) as database:
        write_notes(database, 2000)
        runs = database.writer.checkpointer.runs
        frames = os.stat(database.path + "-wal").st_size // (4096 + 24)
    assert runs >= 10
    assert frames <= 300


def test_the_estimate_learns_from_the_checkpoint_row(tmp_path: Path) -> None:
    """Whatever a commit writes, the frames at a checkpoint come near the threshold after the first few."""
    with make_database(tmp_path / "notes.db", checkpoint_pages=200) as database:
        frames = []
        for size in (10, 20_000):
            for _ in range(600):
                with database.write() as writer:
                    writer.execute("INSERT INTO notes (body) VALUES (?)", ("x" * size,))
            last = database.writer.checkpointer.last
            assert last is not None
            frames.append(last.frames)
    assert all(100 <= count <= 500 for count in frames), frames


def test_one_large_transaction_is_checkpointed_at_its_end(tmp_path: Path) -> None:
    """A bulk insert far above the threshold is copied back right after its commit."""
    with make_database(tmp_path / "notes.db", checkpoint_pages=100) as database:
        with database.write() as writer:
            writer.change_many("INSERT INTO notes (body) VALUES (?)", (("x" * 3000,) for _ in range(2000)))
        last = database.writer.checkpointer.last
        assert last is not None
        assert last.complete
        assert last.frames >= 1000


def test_a_foreign_lock_postpones_the_checkpoint(tmp_path: Path) -> None:
    """Where another program holds the write lock the checkpoint is skipped, and the commit before it stands."""
    with make_database(tmp_path / "notes.db") as database:
        write_notes(database, 2)
        other = sqlite3.connect(database.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert database.checkpoint() is None
        other.execute("ROLLBACK")
        other.close()
        assert database.checkpoint() is not None


def test_a_reader_leaves_frames_and_the_row_says_so(tmp_path: Path) -> None:
    """Under an older snapshot PASSIVE copies what it may; the result is not called complete (hazard 21)."""
    with make_database(tmp_path / "notes.db") as database:
        write_notes(database, 5)
        with database.read():
            write_notes_in_thread(database)
            result = database.checkpoint()
            assert result is not None
            assert not result.complete
        result = database.checkpoint()
        assert result is not None
        assert result.complete


def write_notes_in_thread(database: Database) -> None:
    thread = threading.Thread(target=write_notes, args=(database, 5))
    thread.start()
    thread.join(30)


def test_a_failed_checkpoint_does_not_fail_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a checkpoint after a commit is kept for health; the caller's transaction is committed."""

    def fail(connection: Connection) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    with make_database(tmp_path / "notes.db", checkpoint_pages=10) as database:
        with monkeypatch.context() as patch:
            patch.setattr(pragmas, "passive_checkpoint", fail)
            write_notes(database, 30)
        assert database.writer.checkpointer.failure is not None
        with database.read() as conn:
            assert conn.execute("SELECT count(*) FROM notes")[0] == (30,)
        write_notes(database, 30)
        assert database.writer.checkpointer.failure is None


@pytest.mark.parametrize(
    ("version", "exposed"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_which_versions_have_the_wal_reset_bug(version: tuple[int, int, int], exposed: bool) -> None:
    """SQLite 3.7.0 to 3.51.2 but the repaired 3.50.7 and 3.44.6 lines are named as exposed."""
    assert exposed_to_wal_reset(version) is exposed


def test_services_of_one_process_share_the_writer(tmp_path: Path) -> None:
    """A second Database on the same file, by another path, has the same queue and writer; the last one closes it."""
    with make_database(tmp_path / "notes.db") as first:
        link = tmp_path / "link.db"
        link.symlink_to(first.path)
        second = make_database(link)
        assert second.writer is first.writer
        second.close()
        write_notes(first, 1)


LIMITED = Settings(cache_size_kib=1000, mmap_size=0, busy_timeout_ms=200, journal_size_limit=2**20)


def test_a_reader_of_the_newest_commit_keeps_the_wal_though_all_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is known that the WAL could not start anew, what stands in it counts; once it could, nothing does.

    writer   COMMIT ·············· copies all ─ waits in vain      COMMIT ─ copies, starts anew
    reader          in (newest) ·································· leaves
    """
    monkeypatch.setattr(checkpoint, "_RESTART_SECONDS", 0.01)
    inside, leave = threading.Event(), threading.Event()
    real = pragmas.passive_checkpoint

    def hold() -> None:
        with database.read():
            inside.set()
            leave.wait(30)

    reader = threading.Thread(target=hold)

    def enter_first(connection: Connection) -> tuple[int, int, int]:
        if not inside.is_set():
            reader.start()
            inside.wait(30)
        return real(connection)

    with make_database(tmp_path / "notes.db", LIMITED, checkpoint_pages=100) as database:
        monkeypatch.setattr(pragmas, "passive_checkpoint", enter_first)
        checkpointer = database.writer.checkpointer
        with database.write() as conn:
            conn.change_many("INSERT INTO notes (body) VALUES (?)", [("x" * 3000,)] * 200)
        assert checkpointer.last is not None
        assert checkpointer.last.frames * 4120 == checkpointer.kept > 2**18
        leave.set()
        reader.join(30)
        with database.write() as conn:
            conn.change_many("INSERT INTO notes (body) VALUES (?)", [("x" * 3000,)] * 200)
        assert checkpointer.kept == 0
        assert checkpointer.last.frames < 10
        assert checkpointer._restart_at == 2**18 // 4120


def test_writers_wait_for_a_long_reader_now_and_then_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a wait in vain the WAL grows by a quarter of its limit before the next one."""
    monkeypatch.setattr(checkpoint, "_RESTART_SECONDS", 0.001)
    tries: list[int] = []
    real = Checkpointer._restart

    def counted(self: Checkpointer, writer: Connection, last: CheckpointResult) -> None:
        tries.append(last.frames)
        real(self, writer, last)

    monkeypatch.setattr(Checkpointer, "_restart", counted)
    with make_database(tmp_path / "notes.db", LIMITED, checkpoint_pages=10) as database:
        with database.read():
            run_threads([lambda: write_notes(database, 1000)])
        checkpointer = database.writer.checkpointer
        assert checkpointer.last is not None
        quarter = 2**18 // 4120
        assert all(later - before >= quarter for before, later in itertools.pairwise(tries))
        assert 3 <= len(tries) <= checkpointer.last.frames // quarter + 1
        assert checkpointer.runs > 2 * len(tries)


def test_after_a_long_reader_the_wal_is_made_to_start_anew_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the WAL that a long reader let grow has started anew, the next one is kept small at a quarter of its limit
    again, and not at the size that it had then."""
    monkeypatch.setattr(checkpoint, "_RESTART_SECONDS", 0.001)
    tries: list[int] = []
    real = Checkpointer._restart

    def counted(self: Checkpointer, writer: Connection, last: CheckpointResult) -> None:
        tries.append(last.frames)
        real(self, writer, last)

    monkeypatch.setattr(Checkpointer, "_restart", counted)
    quarter = 2**18 // 4120
    with make_database(tmp_path / "notes.db", LIMITED, checkpoint_pages=10) as database:
        with database.read():
            run_threads([lambda: write_notes(database, 1000)])
        assert tries.pop() > 10 * quarter
        write_notes(database, 40)  # nobody reads: it starts anew by itself
        tries.clear()
        with database.read():
            run_threads([lambda: write_notes(database, 200)])
        assert quarter <= tries[0] < 2 * quarter


def test_a_wal_that_has_started_anew_counts_from_nothing(tmp_path: Path) -> None:
    """What a reader kept in the WAL is no part of what has been written since it could start anew."""
    with make_database(tmp_path / "notes.db") as database:
        checkpointer = database.writer.checkpointer
        with database.read():
            run_threads([lambda: write_notes(database, 50)])
            result = database.checkpoint()
            assert result is not None
            assert not result.complete
            kept = checkpointer.kept
            assert kept == result.frames * 4120
        other = sqlite3.connect(database.path, isolation_level=None)
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # nobody writes, so that no commit can be lost
        other.close()
        write_notes(database, 5)
        result = database.checkpoint()
        assert result is not None
        assert checkpointer.fresh == result.frames * 4120 < kept


def fail_at(monkeypatch: pytest.MonkeyPatch, start: str, failure: BaseException, *, before: bool) -> None:
    """The next statement of the kernel that starts so ends by this exception, run or not."""
    real = Connection.run_kernel
    failures = [failure]

    def run(self: Connection, sql: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        if not sql.startswith(start) or not failures:
            return real(self, sql, parameters)
        if not before:
            real(self, sql, parameters)
        raise failures.pop()

    monkeypatch.setattr(Connection, "run_kernel", run)


def require_unlocked(database: Database) -> None:
    other = sqlite3.connect(database.path, timeout=0, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.close()
    assert database.writer.queue.owner is None


@pytest.mark.parametrize("place", ["BEGIN", "ROLLBACK"])
@pytest.mark.parametrize("before", [True, False])
def test_an_interrupted_checkpoint_leaves_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, before: bool
) -> None:
    """A KeyboardInterrupt beside the BEGIN of a checkpoint, or its ROLLBACK, leaves no transaction open."""
    with make_database(tmp_path / "notes.db") as database:
        write_notes(database, 2)
        fail_at(monkeypatch, place, KeyboardInterrupt(), before=before)
        with pytest.raises(KeyboardInterrupt):
            database.checkpoint()
        require_unlocked(database)
        write_notes(database, 1)
        assert count_notes(database) == 3


def test_a_checkpoint_that_cannot_be_ended_fails_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its ROLLBACK fails after a commit, that stands, the failure is kept for health, and no lock is left."""
    with make_database(tmp_path / "notes.db", checkpoint_pages=1) as database:
        fail_at(monkeypatch, "ROLLBACK", sqlite3.OperationalError("disk I/O error"), before=True)
        write_notes(database, 1)
        assert database.writer.checkpointer.failure is not None
        require_unlocked(database)
        assert count_notes(database) == 1


def test_a_checkpoint_that_cannot_be_ended_is_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it was asked for, the failure of its ROLLBACK is an SqlError, and no lock is left."""
    with make_database(tmp_path / "notes.db") as database:
        write_notes(database, 2)
        fail_at(monkeypatch, "ROLLBACK", sqlite3.OperationalError("disk I/O error"), before=True)
        with pytest.raises(SqlError, match="disk I/O error"):
            database.checkpoint()
        require_unlocked(database)


@pytest.mark.parametrize("failure", [sqlite3.OperationalError("disk I/O error"), KeyboardInterrupt()])
def test_closing_closes_everything_whatever_the_last_checkpoint_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    """An error in the checkpoint of close(), and an interrupt too, leaves neither of its connections open."""
    database = make_database(tmp_path / "notes.db")
    write_notes(database, 2)
    database.checkpoint()
    fail_at(monkeypatch, "ROLLBACK", failure, before=True)
    if isinstance(failure, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            database.close()
    else:
        database.close()
    assert database.writer._connection is None
    assert database.writer.checkpointer._connection is None
    with make_database(tmp_path / "notes.db") as again:
        assert count_notes(again) == 2


def test_a_lock_inside_a_checkpoint_is_no_foreign_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the write lock was had, and SQLite reports a lock all the same, that is an error and not a "later"."""

    def refuse(connection: Connection) -> Any:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_BUSY, "SQLITE_BUSY"
        raise error

    with make_database(tmp_path / "notes.db") as database, monkeypatch.context() as patch:
        patch.setattr(pragmas, "passive_checkpoint", refuse)
        with pytest.raises(DatabaseBusy):
            database.checkpoint()
        require_unlocked(database)
