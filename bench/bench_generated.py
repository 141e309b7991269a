"""What does the generated code cost over hand-written sqlite3 that returns the same typed objects?

Both contenders use one connection with the same settings, the same statements and row classes of the same form; every
result is checked against the other contender's. Run it with `make bench`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from json import JSONEncoder
from json.decoder import JSONDecoder
from typing import TYPE_CHECKING, Any

import pytest

from ragkernel.generated import schema
from ragkernel.generated.models import DocumentChunk, NewDocumentChunk
from ragkernel.generated.queries import document_chunks, documents, knowledge_bases
from tests.generated.support import Connection

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

ROWS = 20_000
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
COLUMNS = "id, document_id, kb_id, chunk_index, content, content_hash, token_count, metadata, created_at"

_encode = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_scan: Any = JSONDecoder().scan_once  # type: ignore[attr-defined]
_moment = datetime.fromisoformat


def new_chunk(number: int, document: str, index: int) -> NewDocumentChunk:
    return NewDocumentChunk(
        id=f"{number:032x}",
        document_id=document,
        kb_id="base",
        chunk_index=index,
        content=f"chunk {number} " + "lorem ipsum dolor sit amet " * 29,
        content_hash=f"{number:064x}",
        token_count=number % 500,
        metadata={"heading": "Introduction", "page": number, "tags": ["a", "b"]},
        created_at=START + timedelta(microseconds=number),
    )


class Hand:
    """Hand-written and tuned: constant SQL, positional decoding, the JSON of a batch decoded in one scan."""

    insert_sql = f"INSERT INTO document_chunks ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    get_sql = f"SELECT {COLUMNS} FROM document_chunks WHERE id = ?"
    list_sql = f"SELECT {COLUMNS} FROM document_chunks WHERE document_id = ? ORDER BY chunk_index"
    scan_sql = f"SELECT {COLUMNS} FROM document_chunks"

    def __init__(self, connection: Connection) -> None:
        self.raw = connection.raw

    def _values(self, one: NewDocumentChunk) -> tuple[Any, ...]:
        created = one.created_at
        return (
            one.id,
            one.document_id,
            one.kb_id,
            one.chunk_index,
            one.content,
            one.content_hash,
            one.token_count,
            None if one.metadata is None else _encode(one.metadata),
            None if created is None else created.isoformat(" ")[:-6],
        )

    def insert(self, one: NewDocumentChunk) -> DocumentChunk:
        values = self._values(one)
        self.raw.execute(self.insert_sql, values)
        return self._rows([values])[0]

    def insert_many(self, rows: list[NewDocumentChunk]) -> int:
        self.raw.execute("SAVEPOINT many")
        count = self.raw.executemany(self.insert_sql, map(self._values, rows)).rowcount
        self.raw.execute("RELEASE many")
        return count

    def get(self, key: str) -> DocumentChunk | None:
        row = self.raw.execute(self.get_sql, (key,)).fetchone()
        if row is None:
            return None
        a, b, c, d, e, f, g, metadata, created = row
        decoded = None if metadata is None else _scan(metadata, 0)[0]
        return DocumentChunk(a, b, c, d, e, f, g, decoded, _moment(created + "Z"))

    def _rows(self, rows: list[Any]) -> list[DocumentChunk]:
        metadata, _ = _scan("[" + ",".join(["null" if row[7] is None else row[7] for row in rows]) + "]", 0)
        return [
            DocumentChunk(a, b, c, d, e, f, g, decoded, _moment(created + "Z"))
            for (a, b, c, d, e, f, g, _, created), decoded in zip(rows, metadata, strict=True)
        ]

    def list_by_document(self, document: str) -> list[DocumentChunk]:
        return self._rows(self.raw.execute(self.list_sql, (document,)).fetchall())

    def scan(self) -> Iterator[DocumentChunk]:
        cursor = self.raw.execute(self.scan_sql)
        while rows := cursor.fetchmany(1000):
            yield from self._rows(rows)


class Generated:
    """The generated functions over the same connection."""

    def __init__(self, connection: Connection) -> None:
        self.conn = connection

    def insert(self, one: NewDocumentChunk) -> DocumentChunk:
        return document_chunks.insert(
            self.conn,
            id=one.id,
            document_id=one.document_id,
            kb_id=one.kb_id,
            chunk_index=one.chunk_index,
            content=one.content,
            content_hash=one.content_hash,
            token_count=one.token_count,
            metadata=one.metadata,
            created_at=one.created_at,
        )

    def insert_many(self, rows: list[NewDocumentChunk]) -> int:
        return document_chunks.insert_many(self.conn, rows)

    def get(self, key: str) -> DocumentChunk | None:
        return document_chunks.get(self.conn, id=key)

    def list_by_document(self, document: str) -> list[DocumentChunk]:
        return document_chunks.list_by_document_id(self.conn, document_id=document)

    def scan(self) -> Iterator[DocumentChunk]:
        return document_chunks.iterate(self.conn)


Contender = Hand | Generated


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    path: Path = tmp_path_factory.mktemp("bench") / "bench.db"
    conn = Connection(str(path))
    conn.raw.execute("PRAGMA journal_mode = WAL").fetchall()
    conn.raw.execute("PRAGMA synchronous = NORMAL")
    for part in schema.PARTS:
        for statement in schema.DDL[part]:
            conn.raw.execute(statement)
    conn.raw.execute("BEGIN")
    knowledge_bases.insert(conn, id="base", name="bench", status="active", embedder_model="none")
    for number in range(ROWS // 50):
        documents.insert(
            conn, id=f"document {number}", kb_id="base", title="t", source_path=f"{number}", content_hash="h"
        )
    chunks = (new_chunk(number, f"document {number // 50}", number % 50) for number in range(ROWS))
    document_chunks.insert_many(conn, chunks)
    conn.raw.execute("COMMIT")
    yield conn
    conn.close()


@pytest.fixture(params=[Hand, Generated], ids=["hand", "generated"])
def contender(request: pytest.FixtureRequest, connection: Connection) -> Contender:
    made: Contender = request.param(connection)
    return made


@pytest.fixture
def rolled_back(connection: Connection) -> Iterator[sqlite3.Connection]:
    """A transaction that is undone after the test, so that contenders insert into equal tables."""
    connection.raw.execute("BEGIN IMMEDIATE")
    documents.insert(connection, id="extra", kb_id="base", title="t", source_path="extra", content_hash="h")
    yield connection.raw
    connection.raw.execute("ROLLBACK")


@pytest.mark.benchmark(group="get by key")
def test_get(benchmark: BenchmarkFixture, contender: Contender, connection: Connection) -> None:
    """A row by its key equals the one that hand-written code reads."""
    found = benchmark(contender.get, f"{777:032x}")
    assert found == Hand(connection).get(f"{777:032x}")
    assert found is not None


@pytest.mark.benchmark(group="list 50 by foreign key")
def test_list(benchmark: BenchmarkFixture, contender: Contender, connection: Connection) -> None:
    """Fifty rows by a foreign key equal the ones that hand-written code reads."""
    found = benchmark(contender.list_by_document, "document 7")
    assert found == Hand(connection).list_by_document("document 7")
    assert len(found) == 50


@pytest.mark.benchmark(group="scan")
def test_scan(benchmark: BenchmarkFixture, contender: Contender, connection: Connection) -> None:
    """A scan of the table gives every row once and equal to what hand-written code reads."""

    def consume() -> int:
        return sum(1 for _ in contender.scan())

    assert benchmark(consume) == ROWS
    assert all(one == other for one, other in zip(contender.scan(), Hand(connection).scan(), strict=True))


@pytest.mark.benchmark(group="insert")
def test_insert(benchmark: BenchmarkFixture, contender: Contender, rolled_back: sqlite3.Connection) -> None:
    """An inserted row is returned and read back as it was given."""
    numbers = iter(range(10**7, 10**8))

    def insert() -> DocumentChunk:
        number = next(numbers)
        return contender.insert(new_chunk(number, "extra", number))

    made = benchmark(insert)
    assert contender.get(made.id) == made


@pytest.mark.benchmark(group="insert_many 1000")
def test_insert_many(benchmark: BenchmarkFixture, contender: Contender, rolled_back: sqlite3.Connection) -> None:
    """A batch is inserted whole."""
    numbers = iter(range(10**7, 10**8, 1000))

    def batch() -> tuple[tuple[list[NewDocumentChunk]], dict[str, Any]]:
        first = next(numbers)
        return ([new_chunk(first + place, "extra", first + place) for place in range(1000)],), {}

    inserted = benchmark.pedantic(contender.insert_many, setup=batch, rounds=30)  # type: ignore[no-untyped-call]
    assert inserted == 1000
