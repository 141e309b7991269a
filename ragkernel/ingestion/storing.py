"""Storing the documents of a version that is being built.

Nobody reads the version before it is active, so it is stored in transactions of a handy size: many small documents in
one, a large document in many. A document whose content_hash is empty is one that is not whole yet.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ragkernel.chunking import RULE, Chunk, split
from ragkernel.clock import new_id
from ragkernel.errors import ConstraintFailed, ValueRefused
from ragkernel.generated import models, queries
from ragkernel.outline import headings
from ragkernel.sources import Skipped, SourceChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragkernel.knowledge.build import Build
    from ragkernel.sources import SourceText

    from .copying import Former

# What is read before it is stored, and what one transaction stores of it: enough to make its commit cheap, little
# enough for other writers' patience, for the -wal file's limit and to be done again after an interruption. Chunks that
# overlap much, and small ones, are many times the file's bytes, so their rows are counted too.
BATCH_BYTES = 8 * 1024 * 1024
BATCH_DOCUMENTS = 500
BATCH_CHUNKS = 2000
ROW_BYTES = 500  # of a chunk's row beside its text: ids, hash, metadata, entries of indexes
TRANSACTION_BYTES = 12 * 1024 * 1024

NOT_WHOLE = ""  # the content_hash of a document whose chunks are not all stored

_WITH_TITLES = frozenset({"markdown", "restructuredtext", "text", "html"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Document(NamedTuple):
    """A file that was read. replaced: what an earlier run stored of it in this version, which goes. changed: whether
    the active version has another state of it."""

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


class _Split(NamedTuple):
    """A document with all its chunks, as rows. size_bytes: of the rows."""

    document: Document
    columns: dict[str, Any]
    chunks: list[models.NewDocumentChunk]
    size_bytes: int


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
        """Store small documents, many in one transaction, each in a savepoint of its own; those that were stored."""
        stored: list[Stored] = []
        waiting: list[_Split] = []
        for document in documents:
            made = self._split(document)
            if made is None:  # more rows than a transaction takes
                large = self.store_large(document)
                stored += [] if large is None else [large]
                continue
            waiting.append(made)
            if sum(each.size_bytes for each in waiting) >= TRANSACTION_BYTES:
                stored += self._store_together(waiting)
                waiting = []
        return stored + self._store_together(waiting)

    def _split(self, document: Document) -> _Split | None:
        kb_id = self._build.version().id
        columns = _columns(document)
        text = "".join(document.source.pieces())
        rows: list[models.NewDocumentChunk] = []
        tokens = size = 0
        for chunk in split(text, language=document.source.language, **self._sizes):
            tokens += chunk.token_count - chunk.overlap
            size += len(chunk.content.encode()) + ROW_BYTES
            if size > TRANSACTION_BYTES:
                return None
            rows.append(_row(chunk, columns["id"], kb_id))
        columns["metadata"] |= {"characters": len(text), "tokens": tokens}
        whole = {**columns, "content_hash": document.source.content_hash, "chunk_count": len(rows)}
        return _Split(document, whole, rows, size)

    def _store_together(self, documents: list[_Split]) -> list[Stored]:
        if not documents:
            return []
        kb_id = self._build.version().id
        stored = []
        refused = []
        with self._build.write() as conn:
            self._build.stored(sum(each.size_bytes for each in documents))
            for document, columns, chunks, _ in documents:
                if document.replaced is not None:
                    queries.documents.delete(conn, id=document.replaced.id)
                try:
                    with conn.savepoint():
                        queries.documents.insert(conn, kb_id=kb_id, **columns)
                        queries.document_chunks.insert_many(conn, chunks)
                except (ValueRefused, ConstraintFailed) as error:
                    refused.append(Skipped(document.source_path, f"refused: {error.message}"))
                else:
                    stored.append(Stored(document, len(chunks), columns["metadata"]["tokens"]))
        for skipped in refused:
            self._refuse(skipped)
        return stored

    def store_large(self, document: Document) -> Stored | None:
        """Store a document that is too large for memory, or for one transaction, in several; None where it was refused.

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
        characters = count = tokens = done = size = 0

        def pieces() -> Iterator[str]:
            nonlocal characters
            for piece in source.pieces():
                characters += len(piece)
                yield piece

        rows: list[models.NewDocumentChunk] = []

        def flush() -> None:
            if rows:
                with self._build.write() as conn:
                    self._build.stored(size)
                    queries.document_chunks.insert_many(conn, rows)
                rows.clear()
                self._alive(min(done, source.size_bytes))

        for chunk in split(pieces(), language=source.language, **self._sizes):
            count += 1
            tokens += chunk.token_count - chunk.overlap
            bytes_ = len(chunk.content.encode())
            done += bytes_ * (chunk.token_count - chunk.overlap) // chunk.token_count
            size += bytes_ + ROW_BYTES
            rows.append(_row(chunk, columns["id"], kb_id))
            if len(rows) >= BATCH_CHUNKS or size >= TRANSACTION_BYTES:
                flush()
                size = 0
        flush()
        metadata = {**columns["metadata"], "characters": characters, "tokens": tokens}
        with self._build.write() as conn:
            queries.documents.update(
                conn, id=columns["id"], content_hash=source.content_hash, chunk_count=count, metadata=metadata
            )
        return Stored(document, count, tokens)

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
            "chunker": RULE,
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
