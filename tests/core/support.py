"""What the tests of core share: a small database without migrations, other processes, recorded statements."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING, Any

from ragkernel.core import connection as connection_module
from ragkernel.core.connection import Connection
from ragkernel.core.database import Database
from ragkernel.core.pragmas import Settings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import pytest

SMALL = Settings(cache_size_kib=1000, mmap_size=0, busy_timeout_ms=200)


def make_database(path: Path, settings: Settings = SMALL, **changes: Any) -> Database:
    """A database with one table `notes(id INTEGER PRIMARY KEY, body TEXT NOT NULL CHECK (body <> ''))`."""
    arguments: dict[str, Any] = {
        "pool_size": 3,
        "pool_timeout": 5.0,
        "busy_timeout": 5.0,
        "databases": (),
        "layout": "single",
        **changes,
    }
    database = Database(str(path), settings, **arguments)
    with database.write() as conn:
        conn.execute(
            "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL CHECK (body <> '')) STRICT"
        )
    return database


def count_notes(database: Database) -> int:
    """How many notes are committed."""
    with database.read() as conn:
        return int(conn.execute("SELECT count(*) FROM notes")[0][0])


def run_threads(actions: Iterable[Callable[[], None]]) -> None:
    """Run each action in a thread of its own to its end, and raise the first exception of any."""
    failures: list[BaseException] = []

    def guarded(action: Callable[[], None]) -> None:
        try:
            action()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]
    assert not any(thread.is_alive() for thread in threads)


def start_python(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Another Python process that runs `script` with pipes; it says `ready` by a line, and waits by reading one."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], message: str = "") -> str:
    """Send the last line, wait for the end and return what the process printed; its failure is the test's."""
    out, err = process.communicate(message, timeout=60)
    assert process.returncode == 0, err
    return out


def record_statements(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Connection, str]]:
    """Every statement that any connection opened from now on runs, with the connection, in order."""
    seen: list[tuple[Connection, str]] = []

    class Recording(Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            seen.append((self, sql))
            return super().execute(sql, *rest)

        def executemany(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            seen.append((self, sql))
            return super().executemany(sql, *rest)

    monkeypatch.setattr(connection_module, "Connection", Recording)
    return seen
