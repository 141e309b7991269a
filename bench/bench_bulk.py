"""What does it cost to store 100,000 chunks, over executemany by hand?

By hand: transactions of 1,000 rows by executemany, SQLite's own checkpoints at 1,000 pages. The kernel: `service.bulk`,
which chooses both by itself. The same typed rows, tables and PRAGMAs; a new file for each round, rounds interleaved, so
that other work on the machine meets both; what was stored is compared. Run it with `make bench`.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import uuid
from datetime import UTC, datetime, timedelta
from json import JSONEncoder
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.generated import schema
from ragkernel.generated.models import NewDocumentChunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

ROWS = 100_000
ROUNDS = 5
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PRAGMAS = (
    *("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -64000", "temp_store = MEMORY"),
    *("mmap_size = 134217728", "journal_size_limit = 67108864", "foreign_keys = ON", "wal_autocheckpoint = 1000"),
)
COLUMNS = "id, document_id, kb_id, chunk_index, content, content_hash, token_count, metadata, created_at"
INSERT = f"INSERT INTO document_chunks ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
WHOLE = COLUMNS.replace(", ", " || ")
CHECK = f"SELECT count(*), sum(length(content)), min(id), max({WHOLE}), sum(length({WHOLE})) FROM document_chunks"
PARENTS = (
    "INSERT INTO knowledge_bases (id, name, status, embedder_model) VALUES ('base', 'bench', 'active', 'none')",
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)"
    " INSERT INTO documents (id, kb_id, title, source_path, content_hash)"
    " SELECT 'document ' || i, 'base', 't', i, 'h' FROM n",
)

_encode = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def make_rows(make_id: Callable[[], str]) -> list[NewDocumentChunk]:
    return [
        NewDocumentChunk(
            id=make_id(),
            document_id=f"document {number // 50}",
            kb_id="base",
            chunk_index=number % 50,
            content=f"chunk {number} " + "lorem ipsum dolor sit amet " * 29,
            content_hash=hashlib.sha256(str(number).encode()).hexdigest(),
            token_count=number % 500,
            metadata={"headings": ["Introduction"], "start": number, "end": number + 800},
            created_at=START + timedelta(microseconds=number),
        )
        for number in range(ROWS)
    ]


def values(row: NewDocumentChunk) -> tuple[Any, ...]:
    created = row.created_at
    return (
        row.id,
        row.document_id,
        row.kb_id,
        row.chunk_index,
        row.content,
        row.content_hash,
        row.token_count,
        None if row.metadata is None else _encode(row.metadata),
        None if created is None else created.isoformat(" ")[:-6],
    )


def by_hand(path: Path, rows: list[NewDocumentChunk]) -> tuple[float, Any]:
    """Seconds, and what is stored then."""
    raw = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    for pragma in PRAGMAS:
        raw.execute(f"PRAGMA {pragma}")
    for part in schema.PARTS:
        for statement in schema.DDL[part]:
            raw.execute(statement)
    for statement in PARENTS:
        raw.execute(statement)
    begun = time.perf_counter()
    for place in range(0, len(rows), 1000):
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(INSERT, map(values, rows[place : place + 1000]))
        raw.execute("COMMIT")
    seconds = time.perf_counter() - begun
    stored = raw.execute(CHECK).fetchone()
    raw.close()
    return seconds, stored


class Kernel:
    """One load by the service, and how large its -wal file was at the most."""

    def __init__(self, path: Path, rows: list[NewDocumentChunk]) -> None:
        self.service = ragkernel.open(path)
        self.rows = rows
        self.wal = f"{path}-wal"
        self.largest = 0
        with self.service.write() as conn:
            for statement in PARENTS:
                conn.execute(statement)

    def watched(self) -> Iterator[NewDocumentChunk]:
        for number, row in enumerate(self.rows):
            if number % 1000 == 0:
                self.largest = max(self.largest, os.stat(self.wal).st_size)
            yield row

    def load(self) -> int:
        return self.service.bulk(queries.document_chunks.insert_many, self.watched())

    def close(self) -> Any:
        self.largest = max(self.largest, os.stat(self.wal).st_size)
        with self.service.read() as conn:
            stored = conn.execute(CHECK)[0]
        self.service.close()
        return stored


@pytest.mark.parametrize("ids", ["random", "time-ordered", "own"])
def test_bulk(benchmark: BenchmarkFixture, tmp_path: Path, ids: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row is stored as by hand, and the -wal file stays within journal_size_limit. own: ids as ingest makes them,
    time-ordered, against the random ones that a program by hand would take."""
    benchmark.group = f"100,000 chunks by service.bulk, {ids} ids"
    theirs = make_rows(ragkernel.new_id if ids == "time-ordered" else lambda: str(uuid.uuid4()))
    rows = make_rows(ragkernel.new_id) if ids == "own" else theirs
    hand: list[float] = []
    loads: list[Kernel] = []

    def finish_round() -> None:
        if loads:
            facts = 2 if ids == "own" else 5
            assert loads[-1].close()[:facts] == stored[-1][:facts]

    stored: list[Any] = []

    def begin_round() -> tuple[tuple[()], dict[str, Any]]:
        finish_round()
        folder = tmp_path / str(len(hand))
        folder.mkdir()
        seconds, found = by_hand(folder / "hand.db", theirs)
        hand.append(seconds)
        stored.append(found)
        loads.append(Kernel(folder / "app_meta.db", rows))
        return (), {}

    def load() -> int:
        return loads[-1].load()

    assert benchmark.pedantic(load, setup=begin_round, rounds=ROUNDS) == ROWS  # type: ignore[no-untyped-call]
    finish_round()
    assert stored[-1][0] == ROWS
    largest = max(one.largest for one in loads)
    assert largest <= 64 * 2**20
    assert benchmark.stats is not None
    kernel = benchmark.stats.stats.data
    ratio = median(kernel) / median(hand)
    each = sorted(mine / other for mine, other in zip(kernel, hand, strict=True))
    benchmark.extra_info.update(ratio=ratio, ratios=each, hand_seconds=hand, largest_wal_bytes=largest)
    with capsys.disabled():
        rounds = ", ".join(f"{one:.2f}" for one in each)
        print(
            f"\n{benchmark.group}: {ratio:.2f} of by hand (rounds {rounds}); {median(kernel):.2f} s and"
            f" {median(hand):.2f} s; largest -wal {largest / 2**20:.1f} MiB"
        )
