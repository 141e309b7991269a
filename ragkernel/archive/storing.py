"""`ragkernel.import_kb`: an archive becomes the next version of a knowledge base.

The file is verified from its first line to its last before anything is written, so a damaged one leaves no trace. Then
its rows are stored in a version that nobody sees, some in each transaction, verified once more as they pass, because
the file may change meanwhile; one short transaction activates the version at the end. A kill leaves the version
`building`, and the next import or ingest of the base removes it.

An archive may be small and its texts large, all of them true. So the disk must have room for them, and a caller who
takes files from strangers gives a limit.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ragkernel.clock import new_id
from ragkernel.errors import ConfigurationError, DiskFull, SqlError, TransactionFailed
from ragkernel.generated import queries
from ragkernel.knowledge.bases import KEPT
from ragkernel.knowledge.build import Build, Settings
from ragkernel.knowledge.naming import check_name
from ragkernel.knowledge.reasons import told

from .form import ChunkLine
from .reading import opened, refused

if TYPE_CHECKING:
    from ragkernel.connections import Writer
    from ragkernel.service import SqlService

    from .form import Base, DocumentLine
    from .reading import Archive, Progress

# Rows of one transaction, and the bytes of their texts: short enough for other writers.
_BATCH_ROWS = 2000
_BATCH_BYTES = 4 * 1024 * 1024

# What a row of little text takes in the database, its ids and indexes with it, is up to twice its line.
_BYTES_OF_BYTE = 2

_OPERATION = "import knowledge base"


class Imported(NamedTuple):
    """What an import made. kb_id, name, version: the version, which is active. pruned: versions that lost their
    documents at the end, because there are newer ones. seconds: what it took."""

    kb_id: str
    name: str
    version: int
    documents: int
    chunks: int
    run_id: str
    pruned: list[int]
    seconds: float


def import_kb(
    service: SqlService,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    max_bytes: int | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Store an archive that `export_kb` wrote as the next version of a knowledge base, and activate it.

    name: the base; the one that the archive names where None. A base of that name keeps its present version, inactive,
    until newer ones prune it (two complete versions are kept, and pinned ones). Ids are new; times are those of the
    archive; documents are of no folder, so a later ingest compares them with the files of whatever folder it is given,
    and keeps those that have no file there. max_bytes: how many bytes the archive's members may have together,
    unpacked; without end where None. progress(step, rows done, rows in all) is called now and then, outside of
    transactions: first with the step "check", then with "store"; an exception that it raises ends the import.

    Blocks for all of it. Raises, before anything is written, ArchiveRefused for a file that is no sound archive or is
    beyond max_bytes, DiskFull where the database's disk may have no room for it, ConfigurationError for a name that no
    base can have, TransactionFailed inside a write scope and where a living process builds the base. Any exception
    until the version is active leaves the one before as it was, marks the run failed and the unfinished version
    `error` (KeyboardInterrupt: cancelled, `building`), and goes on. What older versions hold is removed after that; an
    SqlError there is none of the import, and the next run removes it; a KeyboardInterrupt there says in its text that
    the version is active.
    """
    started = time.monotonic()
    if service.inside_write:
        raise TransactionFailed(
            "import is called inside a write transaction, which could undo what it reports",
            operation=_OPERATION,
            hint="leave the `with service.write()` block first",
        )
    with opened(os.fspath(path)) as archive:
        base = archive.manifest.base
        target = base.name if name is None else name
        check_name(target, _OPERATION)
        _require_space(service, archive, os.fspath(path), max_bytes)
        archive.verify(progress)
        _require_utf8(service)
        run_id = new_id()
        with Build(service.knowledge_bases.facts, "import", target, run_id) as build:
            source = os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")
            origin = {"path": source, "name": base.name, "version": base.version}
            build.begin(lambda _: _settings(base), lambda _: False, {"description": _TOLD, "config": origin})
            store = _Store(build, archive, progress)
            try:
                version = build.version()
                store.run()
                build.complete(store.counts(), store.metrics(started))
            except KeyboardInterrupt:
                build.fail("Cancelled", "interrupted", store.metrics(started))
                raise
            except BaseException as error:
                build.fail("Failed", told(error), store.metrics(started))
                raise
    pruned: list[int] = []
    try:
        with suppress(SqlError):
            pruned = service.knowledge_bases.prune(target, KEPT)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"version {version.version} is active already") from None
    seconds = time.monotonic() - started
    return Imported(version.id, target, version.version, store.documents, store.chunks, run_id, pruned, seconds)


def check(path: str | os.PathLike[str], *, name: str | None = None) -> None:
    """Refuse what `import_kb` would refuse of a file and a name, without a database. Blocks for the disk.

    Raises ArchiveRefused, ConfigurationError.
    """
    with opened(os.fspath(path)) as archive:
        check_name(archive.manifest.base.name if name is None else name, _OPERATION)
        archive.verify()


_TOLD = "An archive into a version of a knowledge base"


class _Store:
    """Stores the rows of an archive in the version that a run builds, and counts them after their commit."""

    def __init__(self, build: Build, archive: Archive, progress: Progress | None) -> None:
        self.documents = 0
        self.chunks = 0
        self._build = build
        self._archive = archive
        self._progress = progress
        self._document_id = ""  # of the document that was stored last

    def run(self) -> None:
        """Store all rows."""
        batch: list[DocumentLine | ChunkLine] = []
        size = 0
        for row in self._archive.rows():
            batch.append(row)
            size += len(row.metadata or "") + (len(row.content) if isinstance(row, ChunkLine) else 200)
            if len(batch) >= _BATCH_ROWS or size >= _BATCH_BYTES:
                self._commit(batch)
                batch, size = [], 0
        self._commit(batch)

    def _commit(self, batch: list[DocumentLine | ChunkLine]) -> None:
        kb_id = self._build.version().id
        documents = chunks = 0
        with self._build.write() as conn:
            for row in batch:
                if isinstance(row, ChunkLine):
                    self._store_chunk(conn, kb_id, row)
                    chunks += 1
                else:
                    self._store_document(conn, kb_id, row)
                    documents += 1
        self.documents += documents
        self.chunks += chunks
        if self._progress is not None:
            declared = self._archive.manifest
            self._progress("store", self.documents + self.chunks, declared.documents + declared.chunks)

    def _store_document(self, conn: Writer, kb_id: str, row: DocumentLine) -> None:
        self._document_id = new_id()
        queries.archive.store_document(
            conn,
            id=self._document_id,
            kb_id=kb_id,
            title=row.title.encode(),
            source_path=row.source_path.encode(),
            content_hash=row.content_hash.encode(),
            license_info=None if row.license_info is None else row.license_info.encode(),
            metadata=row.metadata,
            chunk_count=row.chunk_count,
            size_bytes=row.size_bytes,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    def _store_chunk(self, conn: Writer, kb_id: str, row: ChunkLine) -> None:
        queries.archive.store_chunk(
            conn,
            id=new_id(),
            document_id=self._document_id,
            kb_id=kb_id,
            chunk_index=row.chunk_index,
            content=row.content.encode(),
            content_hash=row.content_hash,
            token_count=row.token_count,
            metadata=row.metadata,
            created_at=row.created_at,
        )

    def counts(self) -> dict[str, int]:
        """What the event of the activation tells."""
        return {"documents": self.documents, "chunks": self.chunks}

    def metrics(self, started: float) -> dict[str, Any]:
        """What the run's row keeps. started: by the monotonic clock."""
        return {**self.counts(), "seconds": round(time.monotonic() - started, 3)}


def _settings(base: Base) -> Settings:
    return Settings(base.embedder_model, base.chunk_size, base.chunk_overlap, base.description, base.metadata)


def _require_space(service: SqlService, archive: Archive, path: str, max_bytes: int | None) -> None:
    size = sum(member.size_bytes for member in archive.manifest.members.values())
    if max_bytes is not None and size > max_bytes:
        raise refused(path, f"it holds {size} bytes, and {max_bytes} are allowed", "allow more where you trust it")
    database = os.fspath(service.config.app_db_path)
    disk = os.statvfs(os.path.dirname(os.path.abspath(database)))
    free = disk.f_bavail * disk.f_frsize
    if size * _BYTES_OF_BYTE > free:
        raise DiskFull(
            f"the archive holds {size} bytes, which may take {size * _BYTES_OF_BYTE} in the database; {free} are free",
            operation=_OPERATION,
            path=database,
            hint="make room on the disk of the database; nothing was written",
        )


def _require_utf8(service: SqlService) -> None:
    with service.read() as conn:
        if not queries.archive.stores_utf8(conn):
            raise ConfigurationError(
                "the database stores text as UTF-16; archives need UTF-8",
                operation=_OPERATION,
                hint="import into a database that ragkernel made",
            )
