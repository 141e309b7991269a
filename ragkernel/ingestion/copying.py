"""Taking documents of the active version over into the one that is built, inside the database.

They are neither read nor split again. The version that they come from is looked at in each transaction: whoever prunes
it marks it first, so what is copied before that is whole.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.clock import new_id
from ragkernel.errors import TransactionFailed
from ragkernel.generated import queries
from ragkernel.knowledge.effects import pruned_at

from .storing import BATCH_CHUNKS, BATCH_DOCUMENTS, NOT_WHOLE, ROW_BYTES, TRANSACTION_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragkernel.connections import Writer
    from ragkernel.knowledge.build import Build

_BEFORE_ALL = -(2**63)  # a chunk_index below all others

# Between two transactions: other processes look for the lock every few milliseconds, and find it free.
_PAUSE_S = 0.005


class Former(NamedTuple):
    """A document that is stored already: in the active version, or in the one that an earlier run left unfinished.

    root: the folder that it is of; rule: the chunking rule that split it. None where it does not say.
    """

    id: str
    content_hash: str
    root: str | None
    rule: str | None
    size_bytes: int
    chunk_count: int


class Copying:
    """Copies documents for one run. Used by one thread.

    chunk_size, chunk_overlap: tokens, for an estimate of the bytes. rule: that of the active version, which holds for a
    document that names none.
    """

    def __init__(self, build: Build, chunk_size: int, chunk_overlap: int, rule: str) -> None:
        self._build = build
        self._stretch = chunk_size / (chunk_size - chunk_overlap)
        self._rule = rule

    def copy(self, formers: list[Former]) -> int:
        """Take documents over as they are, in transactions of a handy size; how many. Raises TransactionFailed where
        the version that they are of was pruned or removed meanwhile."""
        kb_id = self._build.version().id
        for batch in self._batches([former for former in formers if self._bytes(former) < TRANSACTION_BYTES]):
            with self._build.write() as conn:
                self._require_source(conn)
                for former in batch:
                    self._build.stored(self._bytes(former))
                    new = self._copy_row(conn, former, kb_id)
                    _copy_chunks(conn, former.id, new, kb_id, _BEFORE_ALL, -1)
            time.sleep(_PAUSE_S)
        for former in formers:
            if self._bytes(former) >= TRANSACTION_BYTES:
                self._copy_large(former, kb_id)
        return len(formers)

    def _bytes(self, former: Former) -> int:
        """About how much the rows of a document's chunks are."""
        return int(former.size_bytes * self._stretch) + former.chunk_count * ROW_BYTES

    def _batches(self, formers: list[Former]) -> Iterator[list[Former]]:
        batch: list[Former] = []
        size = 0
        for former in formers:
            batch.append(former)
            size += self._bytes(former)
            if size >= TRANSACTION_BYTES or len(batch) >= BATCH_DOCUMENTS:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _require_source(self, conn: Writer) -> None:
        active = self._build.active
        base = None if active is None else queries.knowledge_bases.get(conn, id=active.id)
        if base is None or pruned_at(base) is not None:
            raise _source_gone()

    def _copy_row(self, conn: Writer, former: Former, kb_id: str) -> str:
        new = new_id()
        if not queries.documents.copy_to_version(conn, id=former.id, new_id=new, kb_id=kb_id):
            raise _source_gone()
        if former.rule is None:  # the new version may be of another rule than the one that it is of
            row = queries.documents.get(conn, id=new)
            if row is not None and isinstance(row.metadata, dict | None):
                metadata = {**(row.metadata or {}), "chunker": self._rule}
                queries.documents.update(conn, id=new, metadata=metadata, updated_at=row.updated_at)
        return new

    def _copy_large(self, former: Former, kb_id: str) -> None:
        with self._build.write() as conn:
            self._require_source(conn)
            new = self._copy_row(conn, former, kb_id)
            row = queries.documents.get(conn, id=new)
            queries.documents.update(conn, id=new, content_hash=NOT_WHOLE)
        limit = BATCH_CHUNKS
        if former.chunk_count:
            limit = max(1, min(limit, TRANSACTION_BYTES * former.chunk_count // self._bytes(former)))
        after = _BEFORE_ALL
        copied = limit
        while copied == limit:
            with self._build.write() as conn:
                self._require_source(conn)
                self._build.stored(self._bytes(former) * limit // max(1, former.chunk_count))
                copied = _copy_chunks(conn, former.id, new, kb_id, after, limit)
                last = queries.document_chunks.last_index(conn, document_id=new)
                after = _BEFORE_ALL if last is None else last
            time.sleep(_PAUSE_S)
        if row is not None:
            with self._build.write() as conn:
                queries.documents.update(conn, id=new, content_hash=row.content_hash, updated_at=row.updated_at)


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


def _source_gone() -> TransactionFailed:
    return TransactionFailed(
        "the version that unchanged documents are copied from was pruned, removed or changed meanwhile",
        operation="ingest",
        hint="run it again: it compares with the version that is active now",
    )
