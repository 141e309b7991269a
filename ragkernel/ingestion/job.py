"""`ragkernel.ingest`: read, split, store.

Files are read one at a time and outside of any transaction; documents are stored in batches, each document in a
savepoint of its own. So a document is whole or absent, the old one or the new one, for every reader and after every
end, and one that is refused takes no other with it.

A run is refused while another one of the same base is `running` in a process that lives. Where that process is gone (it
was killed), or is of another machine and cannot be seen, it takes over: it marks that run failed, which stops at its
next batch if it lives after all. Hence two runs never store the same file twice.
"""

from __future__ import annotations

import hashlib
import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ragkernel.chunking import CHUNK_SIZE, settled_sizes, split
from ragkernel.clock import new_id
from ragkernel.core.database import is_live
from ragkernel.errors import ConfigurationError, ConstraintFailed, SqlError, TransactionFailed, ValueRefused
from ragkernel.generated import models, queries
from ragkernel.outline import headings
from ragkernel.sources import Skipped, SourceFile, SourceText, find, printable, read

from . import owner
from .records import Records, check_name
from .report import IngestReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ragkernel.connections import Writer
    from ragkernel.service import SqlService

# A batch is stored when it holds this much: enough to make the commit cheap, little enough to be done again after an
# interruption. A single document may be larger.
BATCH_BYTES = 8 * 1024 * 1024
BATCH_DOCUMENTS = 500

_WITH_TITLES = frozenset({"markdown", "restructuredtext", "text"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ingest(
    service: SqlService,
    path: str | os.PathLike[str],
    *,
    kb: str,
    globs: Iterable[str] | None = None,
    chunk_size: int | None = None,
    chunk_overlap: int | None = None,
    embedder_model: str | None = None,
    progress: Callable[[IngestReport], object] | None = None,
) -> IngestReport:
    """Bring the knowledge base `kb` up to date with the text files at `path`, a folder or one file.

    A document is known by its path below `path`, so give the same `path` each time: where another folder's document has
    the same path, and its file is still there, the new one is skipped and reported. Documents whose file is gone stay.
    globs: which files, see ragkernel.sources.find. chunk_size, chunk_overlap: tokens as ragkernel.chunking counts them,
    512 and 50 for a new base (a smaller chunk_size alone: a tenth of it); embedder_model: the name that a new base
    keeps. An existing base keeps its own: other values are refused, because chunks of two sizes in one base do not
    compare. progress: called after each file, outside of transactions, with the report so far; an exception that it
    raises ends the run.

    Blocks until the run has ended. What cannot be read is skipped and reported. Raises, before anything is written,
    ConfigurationError for a wrong argument, where no file matches and where none that does is text, TransactionFailed
    inside a write scope, and where a living process is ingesting the same base. Any exception later on (FileReplaced:
    the database was deleted meanwhile) leaves the documents that were stored, marks the run failed (KeyboardInterrupt:
    cancelled) and an unfinished new base `error`, and goes on.
    """
    if service.inside_write:
        raise TransactionFailed(
            "ingest is called inside a write transaction, which could undo what it reports",
            operation="ingest",
            hint="leave the `with service.write()` block first",
        )
    patterns = None if globs is None else list(globs)
    check(path, kb=kb, globs=patterns)
    report = IngestReport(kb_id="", kb_name=kb, run_id=new_id())
    records = Records(service, report)
    asked = {"chunk_size": chunk_size, "chunk_overlap": chunk_overlap, "embedder_model": embedder_model}
    owner.enter(report.run_id)
    try:
        base = records.begin(asked, {"path": printable(os.fspath(path)), "globs": patterns})
        _run(_Job(service, records, report, base, progress, _root(path)), records, find(os.fspath(path), patterns))
    finally:
        owner.leave(report.run_id)
    return report


def check(
    path: str | os.PathLike[str],
    *,
    kb: str,
    globs: Iterable[str] | None = None,
    chunk_size: int | None = None,
    chunk_overlap: int | None = None,
) -> None:
    """Refuse what `ingest` would refuse for a new base, without a database: arguments as there.

    Reads files until one is text. Raises ConfigurationError.
    """
    check_name(kb)
    settled_sizes(CHUNK_SIZE if chunk_size is None else chunk_size, chunk_overlap)
    skipped: Skipped | None = None
    count = 0
    for entry in find(os.fspath(path), globs):
        source = read(entry, is_live) if isinstance(entry, SourceFile) else entry
        if not isinstance(source, Skipped):
            return
        skipped = skipped or source
        count += 1
    told = printable(os.fspath(path))
    if skipped is None:
        raise ConfigurationError(
            f"no file at {told} matches", operation="ingest", hint="check the folder, or name patterns like '*.md'"
        )
    others = f" and {count - 1} more" if count > 1 else ""
    raise ConfigurationError(
        f"no file at {told} can be taken: {skipped.path}{others}: {skipped.reason}",
        operation="ingest",
        hint="text is UTF-8, or UTF-16 with a byte order mark; symbolic links are not followed",
    )


def _run(job: _Job, records: Records, found: Iterable[SourceFile | Skipped]) -> None:
    """The whole run; how it ended stands in its row."""
    try:
        job.take(found)
        records.complete()
    except KeyboardInterrupt:
        records.fail("cancelled", "interrupted")
        raise
    except BaseException as error:
        records.fail("failed", _told(error))
        raise


class _Document(NamedTuple):
    """A file that was read and split, and waits to be stored. replaces: whether a document of this id is stored."""

    source_path: str
    replaces: bool
    columns: dict[str, Any]
    chunks: list[models.NewDocumentChunk]
    tokens: int


class _Job:
    """Reads, splits and stores for one run, and counts in its report."""

    def __init__(
        self,
        service: SqlService,
        records: Records,
        report: IngestReport,
        base: models.KnowledgeBase,
        progress: Callable[[IngestReport], object] | None,
        root: str,
    ) -> None:
        self._service = service
        self._records = records
        self._report = report
        self._base = base
        self._progress = progress
        self._begun = time.monotonic()
        self._batch: list[_Document] = []
        self._batch_bytes = 0
        self._root = root
        self._stored: dict[str, tuple[str, str, str | None]] = {}  # source_path → id, content_hash and root

    def take(self, found: Iterable[SourceFile | Skipped]) -> None:
        """Read, split and store all that was found."""
        report = self._report
        with self._service.read() as conn:
            for row in queries.documents.fingerprints(conn, kb_id=self._base.id):
                self._stored[row.source_path] = (row.id, row.content_hash, row.root)
        for entry in found:
            report.files += 1
            source = read(entry, is_live) if isinstance(entry, SourceFile) else entry
            if isinstance(source, Skipped):
                report.skip(source)
                report.path = source.path
            elif isinstance(entry, SourceFile):
                self._take_text(entry.source_path, source)
                report.path = entry.source_path
            if self._batch_bytes >= BATCH_BYTES or len(self._batch) >= BATCH_DOCUMENTS:
                self._store()
            report.seconds = time.monotonic() - self._begun
            if self._progress is not None:
                self._progress(report)
        self._store()
        report.seconds = time.monotonic() - self._begun

    def _take_text(self, source_path: str, source: SourceText) -> None:
        self._report.size_bytes += source.size_bytes
        stored_id, stored_hash, root = self._stored.get(source_path, (None, None, None))
        if root is not None and root != self._root and os.path.exists(os.path.join(root, source_path)):
            self._report.skip(Skipped(source_path, "another folder's document has this path, and is still there"))
            return
        if source.content_hash == stored_hash:
            self._report.unchanged += 1
            return
        document_id = stored_id or new_id()
        language = source.language
        text = "".join(source.pieces())
        chunks, tokens = self._split(document_id, text, language)
        columns = {
            "id": document_id,
            "title": _title(source.head, language) or source_path,
            "content_hash": source.content_hash,
            "chunk_count": len(chunks),
            "size_bytes": source.size_bytes,
            "metadata": {
                "root": self._root,
                "language": language,
                "encoding": source.encoding,
                "modified_at": _moment(source.mtime_ns),
                "characters": len(text),
                "tokens": tokens,
            },
        }
        self._batch.append(_Document(source_path, stored_id is not None, columns, chunks, tokens))
        self._batch_bytes += source.size_bytes

    def _split(self, document_id: str, text: str, language: str) -> tuple[list[models.NewDocumentChunk], int]:
        """The rows of a text's chunks, and how many tokens the text has."""
        size, overlap = self._base.chunk_size, self._base.chunk_overlap
        rows, tokens = [], 0
        for chunk in split(text, chunk_size=size, chunk_overlap=overlap, language=language):
            tokens += chunk.token_count - chunk.overlap
            place = {"start": chunk.start, "end": chunk.end, "overlap": chunk.overlap}
            rows.append(
                models.NewDocumentChunk(
                    id=new_id(),
                    document_id=document_id,
                    kb_id=self._base.id,
                    chunk_index=chunk.chunk_index,
                    content=chunk.content,
                    content_hash=hashlib.sha256(chunk.content.encode()).hexdigest(),
                    token_count=chunk.token_count,
                    metadata={"headings": list(chunk.headings), **place},
                )
            )
        return rows, tokens

    def _store(self) -> None:
        """Store the batch in one transaction; the report counts it after the commit."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if not batch:
            return
        refused: list[Skipped] = []
        stored: list[_Document] = []
        with self._service.write() as conn:
            self._records.require_ours(conn)
            for document in batch:
                try:
                    with conn.savepoint():
                        self._store_document(conn, document)
                except (ValueRefused, ConstraintFailed) as error:
                    refused.append(Skipped(document.source_path, f"refused: {error.message}"))
                else:
                    stored.append(document)
            counts = {
                "added": sum(not document.replaces for document in stored),
                "changed": sum(document.replaces for document in stored),
                "chunks": sum(len(document.chunks) for document in stored),
                "size_bytes": sum(document.columns["size_bytes"] for document in stored),
            }
            if stored:
                self._records.batch_stored(counts)
        report = self._report
        report.added += counts["added"]
        report.changed += counts["changed"]
        report.chunks += counts["chunks"]
        report.tokens += sum(document.tokens for document in stored)
        for skipped in refused:
            report.skip(skipped)

    def _store_document(self, conn: Writer, document: _Document) -> None:
        columns = document.columns
        updated = None
        if document.replaces:
            updated = queries.documents.update(conn, **columns)
            queries.document_chunks.delete_of_document(conn, document_id=columns["id"])
        if updated is None:  # new, or deleted by somebody since the run began
            queries.documents.insert(conn, kb_id=self._base.id, source_path=document.source_path, **columns)
        queries.document_chunks.insert_many(conn, document.chunks)


def _root(path: str | os.PathLike[str]) -> str:
    """The folder from which a document's path counts, printable."""
    real = os.path.realpath(os.fspath(path))
    return printable(real if os.path.isdir(real) else os.path.dirname(real))


def _title(text: str, language: str) -> str:
    """The first heading of the beginning of a text; one further down is that of a section, not of the document."""
    if language not in _WITH_TITLES:
        return ""
    return next((heading.title for heading in headings(text, language) if heading.title), "")


def _moment(nanoseconds: int) -> str | None:
    """A file's time as ISO 8601 text in UTC; None where a file system gives one outside of the calendar."""
    try:
        return (_EPOCH + timedelta(microseconds=nanoseconds // 1000)).isoformat()
    except OverflowError:
        return None


def _told(error: BaseException) -> str:
    """What a run's row says of the error that ended it: never the text of an exception that may quote a document."""
    if isinstance(error, SqlError):
        return str(error)[:1000]
    reason = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
