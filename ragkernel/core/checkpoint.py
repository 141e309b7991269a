"""The one checkpointer of a file.

SQLite 3.7.0 to 3.51.2 can lose committed rows when one connection checkpoints while another commits (the WAL-reset bug,
repaired in 3.51.3, 3.50.7 and 3.44.6). So SQLite's automatic checkpoints are off, and this is the only place that runs
one: the writer connection takes the write lock by BEGIN IMMEDIATE, which keeps out every committer (threads, processes,
other tools), a second connection runs wal_checkpoint(PASSIVE), the row that it returns is read, and the writer rolls
back. It is triggered by the writer after about `threshold` pages, and when the database is closed.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from typing import NamedTuple

from ragkernel.errors import SqlError, translate

from . import pragmas
from .connection import Connection, open_connection
from .lease import BEGIN_IMMEDIATE, COMMIT, ROLLBACK
from .pragmas import CHECKPOINTER, Settings

# Bytes that the WAL adds to each page (https://www.sqlite.org/fileformat2.html#walformat).
_FRAME_HEADER = 24

# How long writers wait at most for the readers that keep a large WAL from starting anew, and the pauses meanwhile.
_RESTART_SECONDS = 0.25
_RESTART_PAUSE = 0.002

# Pages that a commit plus each row it changes put into the WAL, until the first checkpoint has measured it.
_FIRST_GUESS = 2.0


class CheckpointResult(NamedTuple):
    """What one checkpoint did: when (monotonic seconds), frames then in the WAL, frames copied into the database."""

    at: float
    frames: int
    copied: int

    @property
    def complete(self) -> bool:
        """Whether the whole WAL was copied: the next commit then starts it anew, unless a reader still needs it."""
        return self.copied >= self.frames


def exposed_to_wal_reset(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite version has the WAL-reset bug (hazard 22)."""
    repaired = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)
    return version >= (3, 7, 0) and not repaired


class Checkpointer:
    """Decides when the WAL is due and copies it back. Used by the holder of the file's write queue only.

    SQLite does not tell Python how many pages a commit wrote, and the -wal file does not shrink when it starts anew. So
    pages are estimated from commits and changed rows by a ratio that each checkpoint corrects (its row says how many
    frames there really are), and the size of the -wal file corrects it upwards while it grows.
    """

    __slots__ = (
        *("_changes", "_connection", "_demanded", "_frame", "_loads", "_loads_lock", "_may_wait", "_missed"),
        *("_next_look", "_path", "_ratio", "_restart_at", "_settings", "_size", "_threshold", "_units", "failure"),
        *("fresh", "last", "opened", "runs"),
    )

    def __init__(self, path: str, settings: Settings, threshold: int) -> None:
        self._path = path
        self._settings = settings
        self._threshold = threshold
        self._connection: Connection | None = None
        self._changes = 0  # the writer's total_changes when it was last asked
        self._units = 0  # commits plus changed rows since the last checkpoint
        self._ratio = _FIRST_GUESS
        self._frame = 4096 + _FRAME_HEADER  # bytes a page takes in the WAL
        self._size = 0  # frames that the -wal file had room for at the last checkpoint
        self._loads = 0  # bulk loads that are running
        self._loads_lock = threading.Lock()
        self._demanded = False  # whether the transaction that is open has asked for a checkpoint after it
        self._may_wait = True  # whether that checkpoint may wait for readers
        self._missed = False  # whether the last checkpoint was begun and not carried out
        self._next_look = self._pause()
        self._restart_at = self._large()  # frames at which the WAL is next made to start anew
        self.last: CheckpointResult | None = None
        self.fresh = 0  # bytes that the WAL had grown by at the last checkpoint, since the one before
        self.failure: SqlError | None = None  # of the latest checkpoint, None when it went well
        self.runs = 0
        self.opened = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the last checkpoint, or since the file was opened where there was none."""
        return time.monotonic() - (self.last.at if self.last else self.opened)

    @property
    def kept(self) -> int:
        """Bytes in the WAL that the next commit will come on top of, as far as the last checkpoint tells. Where that
        one failed, or another process held the write lock, the size of the -wal file, which is never less."""
        last = self.last
        if self._missed:
            return self._room() * self._frame
        return 0 if last is None or self._starts_anew(last) else last.frames * self._frame

    @property
    def threshold(self) -> int:
        """Pages at which a checkpoint is due: as configured, or half of journal_size_limit while a bulk load runs."""
        if not self._loads:
            return self._threshold
        return max(self._threshold, self._settings.journal_size_limit // 2 // self._frame)

    def begin_load(self) -> None:
        """Raise the threshold until `end_load` is called as often. From any thread."""
        with self._loads_lock:
            self._loads += 1

    def end_load(self) -> None:
        """The end of a load; the next commit after the last one's looks whether a checkpoint is due by now."""
        with self._loads_lock:
            self._loads -= 1
            if not self._loads:
                self._next_look = 0

    def demand(self, *, may_wait: bool = True) -> None:
        """Run a checkpoint right after the transaction that is open, however little it wrote. may_wait: whether it may
        wait for readers; not where the caller is one of them."""
        self._demanded = True
        self._may_wait = may_wait

    def after_commit(self, writer: Connection) -> None:
        """Count a commit of the writer; run a checkpoint when about `threshold` pages have gathered.

        Called with the write queue held and no transaction open. Where another process holds the write lock the
        checkpoint is left to a later commit. A failure is kept in `failure` and shown in health, never raised: the
        caller's transaction is committed. Blocks while pages are copied.
        """
        changes = writer.total_changes
        # A new connection, after one was retired, counts from 0 again.
        self._units += 1 + (changes - self._changes if changes >= self._changes else changes)
        self._changes = changes
        demanded, self._demanded = self._demanded, False
        may_wait, self._may_wait = self._may_wait, True
        if self._units < self._next_look and not demanded:
            return
        threshold = self.threshold
        pages = self._units * self._ratio
        if pages < threshold:
            pages = max(pages, self._room() - self._size)
            self._next_look = self._units + self._pause()
        if pages >= threshold or demanded:
            try:
                result = self.run(writer)
                if result is not None and result.frames >= self._restart_at and may_wait:
                    self._restart(writer, result)
            except SqlError as error:
                self.failure = error
                self._next_look = self._units + self._pause()

    def run(self, writer: Connection) -> CheckpointResult | None:
        """Copy the WAL into the database now. None where the write lock could not be had at once.

        Called with the write queue held and no transaction open. Raises SqlError where SQLite reports an error.
        """
        locked = False
        try:
            connection = self._open()
            try:  # BEGIN too: an interrupt may come right after it
                writer.run_kernel(BEGIN_IMMEDIATE)
                locked = True
                _, frames, copied = pragmas.passive_checkpoint(connection)
            finally:
                if writer.in_transaction:
                    writer.run_kernel(ROLLBACK)
            return self._learn(CheckpointResult(time.monotonic(), frames, copied))
        except sqlite3.Error as error:
            failure = translate(error, operation="checkpoint", path=self._path)
        self._missed = True
        if not locked and failure.code is not None and failure.code & 0xFF == sqlite3.SQLITE_BUSY:
            self._next_look = self._units + self._pause()
            return None
        raise failure

    def _restart(self, writer: Connection, last: CheckpointResult) -> None:
        """See to it that a large WAL starts anew, which it does at a commit that finds it copied and nobody reading it.

        Overlapping readers prevent that for ever. With the queue held no commit makes the WAL longer, so whoever reads
        from now on reads the database alone, and the older readers are waited for: `_RESTART_SECONDS` at most, then the
        WAL may grow by as much again before the next try. Only checkpoints under the write lock run here; SQLite's own
        RESTART takes that lock by itself, and is a PASSIVE one beside a commit where it does not get it (hazard 22).
        """
        fresh, deadline, pause = self.fresh, time.monotonic() + _RESTART_SECONDS, _RESTART_PAUSE
        while True:
            if last.complete:
                self._commit_nothing(writer)
            found = self.run(writer)
            if found is None:  # another process is writing
                break
            if last.complete and found.frames < last.frames:
                self._restart_at = self._large()
                break
            last, now = found, time.monotonic()
            if now >= deadline:
                self._restart_at = last.frames + self._large()
                break
            time.sleep(min(pause, deadline - now))
            pause *= 1.5
        self.fresh = fresh

    def _commit_nothing(self, writer: Connection) -> None:
        """A commit of one unchanged page, which starts the WAL anew where that is possible."""
        try:
            try:
                writer.run_kernel(BEGIN_IMMEDIATE)
                pragmas.touch(writer)
                writer.run_kernel(COMMIT)
            finally:
                if writer.in_transaction:
                    writer.run_kernel(ROLLBACK)
            return
        except sqlite3.Error as error:
            failure = translate(error, operation="checkpoint", path=self._path)
        raise failure

    def _starts_anew(self, last: CheckpointResult) -> bool:
        """Whether the next commit presumably finds nobody reading the WAL. A large one that has not done so when it was
        tried will not."""
        return last.complete and last.frames < self._large()

    def _large(self) -> int:
        """Frames in a quarter of journal_size_limit."""
        return max(16, self._settings.journal_size_limit // 4 // self._frame)

    def _open(self) -> Connection:
        connection = self._connection
        if connection is None:
            connection, _ = open_connection(self._path, CHECKPOINTER, self._settings)
            self._connection = connection
            self._frame = pragmas.page_facts(connection)[0] + _FRAME_HEADER
        return connection

    def _learn(self, result: CheckpointResult) -> CheckpointResult:
        before = self.last
        kept = 0 if before is None or self._starts_anew(before) else before.frames
        if before is not None and result.frames < before.frames:  # it has started anew, whatever was expected
            kept = 0
            self._restart_at = self._large()
        fresh = result.frames - kept
        if self._units >= 16 and fresh > 0:
            self._ratio = max(0.01, fresh / self._units)
        self.fresh = max(0, fresh) * self._frame
        self._units = 0
        self._next_look = max(1, min(self._pause(), int(self._threshold / self._ratio)))
        self._size = self._room()
        self.last = result
        self._missed = False
        self.failure = None
        self.runs += 1
        return result

    def _pause(self) -> int:
        """After how many units to look at the size of the -wal again: commits of any size are noticed soon."""
        return min(16, max(1, self._threshold // 8))

    def _room(self) -> int:
        """How many frames the -wal file has room for; os.stat only, the file is SQLite's (hazard 17)."""
        try:
            size = os.stat(self._path + "-wal").st_size
        except OSError:
            return 0
        return size // self._frame

    def close(self) -> None:
        """Close the second connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
