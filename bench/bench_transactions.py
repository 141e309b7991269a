"""What does a scope of the service cost over BEGIN and COMMIT by hand, one statement a transaction?

Each contender has a file of its own with the same tables and PRAGMAs; what was written is counted at the end. Run it
with `make bench`.
"""

from __future__ import annotations

import itertools
import sqlite3
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.generated import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

PRAGMAS = ("journal_mode = WAL", "cache_size = -64000", "temp_store = MEMORY", "mmap_size = 134217728")


class Hand:
    """One connection, constant statements, SQLite's own checkpoints."""

    insert_sql = "INSERT INTO settings (key, value) VALUES (?, ?) RETURNING id, created_at, updated_at"
    get_sql = "SELECT value FROM settings WHERE key = ?"

    def __init__(self, folder: Path, level: str) -> None:
        self.raw = sqlite3.connect(folder / "hand.db", isolation_level=None, cached_statements=512)
        for pragma in (*PRAGMAS, f"synchronous = {level}", "foreign_keys = ON"):
            self.raw.execute(f"PRAGMA {pragma}")
        for part in schema.PARTS:
            for statement in schema.DDL[part]:
                self.raw.execute(statement)

    def insert(self, key: str) -> None:
        raw = self.raw
        raw.execute("BEGIN IMMEDIATE")
        try:
            raw.execute(self.insert_sql, (key, "a value")).fetchall()
        except BaseException:
            raw.execute("ROLLBACK")
            raise
        raw.execute("COMMIT")

    def get(self, key: str) -> str:
        raw = self.raw
        raw.execute("BEGIN")
        row = raw.execute(self.get_sql, (key,)).fetchone()
        raw.execute("COMMIT")
        return str(row[0])

    def count(self) -> int:
        return int(self.raw.execute("SELECT count(*) FROM settings").fetchone()[0])

    def close(self) -> None:
        self.raw.close()


class Kernel:
    """The service, as README shows it."""

    def __init__(self, folder: Path, level: str) -> None:
        config = ragkernel.SqlConfig.single(folder / "app_meta.db", app_wal_mode=ragkernel.WalMode[level])
        self.service = ragkernel.open(config.app_db_path, config)

    def insert(self, key: str) -> None:
        with self.service.write() as conn:
            queries.settings.insert(conn, key=key, value="a value")

    def get(self, key: str) -> str:
        with self.service.read() as conn:
            row = queries.settings.get_by_key(conn, key=key)
        assert row is not None
        return row.value

    def count(self) -> int:
        with self.service.read() as conn:
            return queries.settings.count(conn)

    def close(self) -> None:
        self.service.close()


@pytest.fixture(params=[Hand, Kernel], ids=["hand", "kernel"])
def contender(request: pytest.FixtureRequest, tmp_path: Path, level: str) -> Iterator[Hand | Kernel]:
    made: Hand | Kernel = request.param(tmp_path, level)
    yield made
    made.close()


@pytest.mark.parametrize("level", ["NORMAL", "FULL"])
def test_one_insert_a_transaction(benchmark: BenchmarkFixture, contender: Hand | Kernel, level: str) -> None:
    """Every insert is committed."""
    benchmark.group = f"one insert a transaction, {level}"
    numbers = itertools.count()
    benchmark(lambda: contender.insert(f"key {next(numbers)}"))
    assert contender.count() == next(numbers)


@pytest.mark.parametrize("level", ["NORMAL"])
def test_one_get_a_snapshot(benchmark: BenchmarkFixture, contender: Hand | Kernel, level: str) -> None:
    """The value is the one that was written."""
    benchmark.group = "one get in a snapshot of its own"
    contender.insert("key")
    assert benchmark(contender.get, "key") == "a value"
