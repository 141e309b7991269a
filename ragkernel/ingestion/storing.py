"""Storing the documents of a version that is being built.

Nobody reads the version before it is active, so it is stored in transactions of a handy size: many small documents in
one, a large document in many. A document whose content_hash is empty is one that is not whole yet.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ragkernel.chunking import Chunk, split
from ragkernel.clock import new_id
from ragkernel.errors import ConstraintFailed, ValueRefused
from ragkernel.generated import models, queries
from ragkernel.outline import headings
from ragkernel.sources import Skipped, SourceChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragkernel.connections import Writer
    from ragkernel.knowledge.build import Build
    from ragkernel.sources import SourceText

# What one transaction stores or copies: enough to make its commit cheap, little enough for other writers' patience and
# to be done again after an interruption.
BATCH_BYTES = 8 * 1024 * 1024
BATCH_DOCUMENTS = 500
BATCH_CHUNKS = 2000

_BEFORE_ALL = -(2**63)  # a chunk_index below all others

NOT_WHOLE = ""  # the content_hash of a document whose chunks are not all stored

_WITH_TITLES = frozenset({"markdown", "restructuredtext", "text", "html"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Former(NamedTuple):
    """A document that is stored already: in the active version, or in the one that an earlier run left unfinished."""

    id: str
    content_hash: str
    root: str | None
    size_bytes: int


class Document(NamedTuple):
    """A file that was read, and split unless it is large. replaced: what an earlier run stored of it in this version.
    changed: whether the active version has another state of it."""

    source_path: str
    root: str
    source: SourceText
    replaced: Former | None
    changed: bool


class Stored(NamedTuple):
    """What was stored of a document."""

    document: Document
    chunks: int
    tokens: int


class Storing:
    """Stores documents for one run. Used by one thread.

    refuse: called for a document that was refused. alive: called between the transactions of a large document, with the
    bytes of it that are stored.
    """

    def __init__(
        self,
        build: Build,
        chunk_size: int,
        chunk_overlap: int,
        refuse: Callable[[Skipped], None],
        alive: Callable[[int], None],
    ) -> None:
        self._build = build
        self._sizes = {"chunk_size": chunk_size, "chunk_overlap": chunk_overlap}
        self._refuse = refuse
        self._alive = alive

    def store(self, documents: list[Document]) -> list[Stored]:
        """Store small documents in one transaction, each in a savepoint of its own; those that were stored."""
        kb_id = self._build.version().id
        split_up = [(document, *self._all_chunks(document, kb_id)) for document in documents]
        stored = []
        refused = []
        with self._build.write() as conn:
            for document, columns, chunks in split_up:
                try:
                    with conn.savepoint():
                        if document.replaced is not None:
                            queries.documents.delete(conn, id=document.replaced.id)
                        queries.documents.insert(conn, kb_id=kb_id, **columns)
                        queries.document_chunks.insert_many(conn, chunks)
                except (ValueRefused, ConstraintFailed) as error:
                    refused.append(Skipped(document.source_path, f"refused: {error.message}"))
                else:
                    stored.append(Stored(document, len(chunks), columns["metadata"]["tokens"]))
        for skipped in refused:
            self._refuse(skipped)
        return stored

    def _all_chunks(self, document: Document, kb_id: str) -> tuple[dict[str, Any], list[models.NewDocumentChunk]]:
        columns = _columns(document)
        text = "".join(document.source.pieces())
        rows = []
        tokens = 0
        for chunk in split(text, language=document.source.language, **self._sizes):
            tokens += chunk.token_count - chunk.overlap
            rows.append(_row(chunk, columns["id"], kb_id))
        columns["metadata"] |= {"characters": len(text), "tokens": tokens}
        return {**columns, "content_hash": document.source.content_hash, "chunk_count": len(rows)}, rows

    def store_large(self, document: Document) -> Stored | None:
        """Store a document that is too large for memory, in several transactions; None where it was refused.

        Raises SourceChanged where its file changed meanwhile; nothing of it is left then.
        """
        kb_id = self._build.version().id
        columns = _columns(document)
        if document.replaced is not None:
            self.delete(document.replaced.id)
        with self._build.write() as conn:
            queries.documents.insert(conn, kb_id=kb_id, content_hash=NOT_WHOLE, **columns)
        try:
            return self._store_pieces(document, columns, kb_id)
        except (ValueRefused, ConstraintFailed) as error:
            self.delete(columns["id"])
            self._refuse(Skipped(document.source_path, f"refused: {error.message}"))
            return None
        except SourceChanged:
            self.delete(columns["id"])
            raise

    def _store_pieces(self, document: Document, columns: dict[str, Any], kb_id: str) -> Stored:
        source = document.source
        characters = count = tokens = size = 0

        def pieces() -> Iterator[str]:
            nonlocal characters
            for piece in source.pieces():
                characters += len(piece)
                yield piece

        rows: list[models.NewDocumentChunk] = []

        def flush() -> None:
            if rows:
                with self._build.write() as conn:
                    queries.document_chunks.insert_many(conn, rows)
                rows.clear()
                self._alive(min(size, source.size_bytes))

        for chunk in split(pieces(), language=source.language, **self._sizes):
            count += 1
            tokens += chunk.token_count - chunk.overlap
            size += len(chunk.content.encode()) * (chunk.token_count - chunk.overlap) // chunk.token_count
            rows.append(_row(chunk, columns["id"], kb_id))
            if len(rows) >= BATCH_CHUNKS:
                flush()
        flush()
        metadata = {**columns["metadata"], "characters": characters, "tokens": tokens}
        with self._build.write() as conn:
            queries.documents.update(
                conn, id=columns["id"], content_hash=source.content_hash, chunk_count=count, metadata=metadata
            )
        return Stored(document, count, tokens)

    def copy(self, formers: list[Former]) -> int:
        """Take documents of the active version over, as they are, in transactions of a handy size; how many."""
        kb_id = self._build.version().id
        copied = 0
        for batch in _batches([former for former in formers if former.size_bytes < BATCH_BYTES]):
            with self._build.write() as conn:
                for former in batch:
                    copied += _copy(conn, former.id, kb_id)
        for former in formers:
            if former.size_bytes >= BATCH_BYTES:
                copied += self._copy_large(former, kb_id)
        return copied

    def _copy_large(self, former: Former, kb_id: str) -> int:
        new = new_id()
        with self._build.write() as conn:
            row = queries.documents.get(conn, id=former.id)
            if row is None:
                return 0
            queries.documents.copy_to_version(conn, id=row.id, new_id=new, kb_id=kb_id)
            queries.documents.update(conn, id=new, content_hash=NOT_WHOLE)
        after = _BEFORE_ALL
        copied = BATCH_CHUNKS
        while copied == BATCH_CHUNKS:
            with self._build.write() as conn:
                copied = _copy_chunks(conn, row.id, new, kb_id, after, BATCH_CHUNKS)
                last = queries.document_chunks.last_index(conn, document_id=new)
                after = _BEFORE_ALL if last is None else last
        with self._build.write() as conn:
            queries.documents.update(conn, id=new, content_hash=row.content_hash, updated_at=row.updated_at)
        return 1

    def delete(self, document_id: str) -> None:
        """Remove a document of the version that is built; its chunks first, some in each transaction."""
        removed = 1
        while removed:
            with self._build.write() as conn:
                removed = queries.document_chunks.delete_some_of_document(
                    conn, document_id=document_id, limit=BATCH_CHUNKS
                )
        with self._build.write() as conn:
            queries.documents.delete(conn, id=document_id)


def _batches(formers: list[Former]) -> Iterator[list[Former]]:
    batch: list[Former] = []
    size = 0
    for former in formers:
        batch.append(former)
        size += former.size_bytes
        if size >= BATCH_BYTES or len(batch) >= BATCH_DOCUMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _copy(conn: Writer, document_id: str, kb_id: str) -> int:
    new = new_id()
    copied = queries.documents.copy_to_version(conn, id=document_id, new_id=new, kb_id=kb_id)
    _copy_chunks(conn, document_id, new, kb_id, _BEFORE_ALL, -1)
    return copied


def _copy_chunks(conn: Writer, document_id: str, new_document_id: str, kb_id: str, after: int, limit: int) -> int:
    return queries.document_chunks.copy_to_version(
        conn,
        document_id=document_id,
        new_document_id=new_document_id,
        kb_id=kb_id,
        stamp=new_id()[:15],
        after=after,
        limit=limit,
    )


def _columns(document: Document) -> dict[str, Any]:
    """The columns that are known before the document is split."""
    source = document.source
    return {
        "id": new_id(),
        "title": _title(source.head, source.language) or document.source_path,
        "source_path": document.source_path,
        "size_bytes": source.size_bytes,
        "metadata": {
            "root": document.root,
            "language": source.language,
            "encoding": source.encoding,
            "modified_at": _moment(source.mtime_ns),
        },
    }


def _row(chunk: Chunk, document_id: str, kb_id: str) -> models.NewDocumentChunk:
    place = {"start": chunk.start, "end": chunk.end, "overlap": chunk.overlap}
    return models.NewDocumentChunk(
        id=new_id(),
        document_id=document_id,
        kb_id=kb_id,
        chunk_index=chunk.chunk_index,
        content=chunk.content,
        content_hash=hashlib.sha256(chunk.content.encode()).hexdigest(),
        token_count=chunk.token_count,
        metadata={"headings": list(chunk.headings), **place},
    )


def _title(head: str, language: str) -> str:
    if language not in _WITH_TITLES:
        return ""
    return next((heading.title for heading in headings(head, language) if heading.title), "")


def _moment(nanoseconds: int) -> str | None:
    """A file's time as ISO 8601 text in UTC; None where a file system gives one outside of the calendar."""
    try:
        return (_EPOCH + timedelta(microseconds=nanoseconds // 1000)).isoformat()
    except OverflowError:
        return None
