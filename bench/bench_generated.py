"""What does the generated code cost over hand-written sqlite3 that returns the same typed objects?

Both contenders use one SQLite connection, the one behind a lease of the service, the same statements and row classes of
the same form; every result is checked against the other contender's. Run it with `make bench`.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from json import JSONEncoder
from json.decoder import JSONDecoder
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel.core.lease import ReadConnection, WriteConnection
from ragkernel.generated.models import DocumentChunk, NewDocumentChunk
from ragkernel.generated.queries import document_chunks, documents, knowledge_bases

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

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

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.raw = connection

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
        return self.raw.executemany(self.insert_sql, map(self._values, rows)).rowcount

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
    """The generated functions on a lease of the service, as README shows them."""

    def __init__(self, conn: Any) -> None:
        self.conn = conn

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


class _Undo(Exception):
    """Leaves a write scope so that nothing of it stays."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ragkernel.SqlService]:
    with ragkernel.open(tmp_path_factory.mktemp("bench") / "app_meta.db") as opened:
        with opened.write() as conn:
            knowledge_bases.insert(conn, id="base", name="bench", status="active", embedder_model="none")
            for number in range(ROWS // 50):
                documents.insert(
                    conn, id=f"document {number}", kb_id="base", title="t", source_path=f"{number}", content_hash="h"
                )
            chunks = (new_chunk(number, f"document {number // 50}", number % 50) for number in range(ROWS))
            document_chunks.insert_many(conn, chunks)
        yield opened


@pytest.fixture
def reader(service: ragkernel.SqlService) -> Iterator[ReadConnection]:
    with service.read() as conn:
        assert isinstance(conn, ReadConnection)
        yield conn


@pytest.fixture
def writer(service: ragkernel.SqlService) -> Iterator[WriteConnection]:
    """A transaction that is undone after the test, so that contenders insert into equal tables."""
    with suppress(_Undo), service.write() as conn:
        assert isinstance(conn, WriteConnection)
        documents.insert(conn, id="extra", kb_id="base", title="t", source_path="extra", content_hash="h")
        yield conn
        raise _Undo


def contend(kind: str, conn: WriteConnection | ReadConnection) -> Contender:
    """A contender over a lease: the generated functions on it, or hand-written code on the connection behind it."""
    if kind == "hand":
        return Hand(conn.connection)
    return Generated(conn)


both = pytest.mark.parametrize("kind", ["hand", "generated"])


@pytest.mark.benchmark(group="get by key")
@both
def test_get(benchmark: BenchmarkFixture, kind: str, reader: ReadConnection) -> None:
    """A row by its key equals the one that hand-written code reads."""
    contender = contend(kind, reader)
    found = benchmark(contender.get, f"{777:032x}")
    assert found == Hand(reader.connection).get(f"{777:032x}")
    assert found is not None


@pytest.mark.benchmark(group="list 50 by foreign key")
@both
def test_list(benchmark: BenchmarkFixture, kind: str, reader: ReadConnection) -> None:
    """Fifty rows by a foreign key equal the ones that hand-written code reads."""
    contender = contend(kind, reader)
    found = benchmark(contender.list_by_document, "document 7")
    assert found == Hand(reader.connection).list_by_document("document 7")
    assert len(found) == 50


@pytest.mark.benchmark(group="scan")
@both
def test_scan(benchmark: BenchmarkFixture, kind: str, reader: ReadConnection) -> None:
    """A scan of the table gives every row once and equal to what hand-written code reads."""
    contender = contend(kind, reader)

    def consume() -> int:
        return sum(1 for _ in contender.scan())

    assert benchmark(consume) == ROWS
    assert all(one == other for one, other in zip(contender.scan(), Hand(reader.connection).scan(), strict=True))


@pytest.mark.benchmark(group="insert")
@both
def test_insert(benchmark: BenchmarkFixture, kind: str, writer: WriteConnection) -> None:
    """An inserted row is returned and read back as it was given."""
    contender = contend(kind, writer)
    numbers = iter(range(10**7, 10**8))

    def insert() -> DocumentChunk:
        number = next(numbers)
        return contender.insert(new_chunk(number, "extra", number))

    made = benchmark(insert)
    assert contender.get(made.id) == made


@pytest.mark.benchmark(group="insert_many 1000")
@both
def test_insert_many(benchmark: BenchmarkFixture, kind: str, writer: WriteConnection) -> None:
    """A batch is inserted whole."""
    contender = contend(kind, writer)
    numbers = iter(range(10**7, 10**8, 1000))

    def batch() -> tuple[tuple[list[NewDocumentChunk]], dict[str, Any]]:
        first = next(numbers)
        return ([new_chunk(first + place, "extra", first + place) for place in range(1000)],), {}

    inserted = benchmark.pedantic(contender.insert_many, setup=batch, rounds=30)  # type: ignore[no-untyped-call]
    assert inserted == 1000
