"""`ragkernel.export_kb`: one version of a knowledge base into an archive.

All of it is read in one snapshot, held until the last row was read: a version that a run built never changes, but it
may be pruned or removed meanwhile, and one that an application made by itself may change at any time. The price is that
of a backup: the -wal file cannot start anew until the export is done, and grows by what is written meanwhile.

Rows pass one page at a time. What stays in memory is SQLite's sorting of the paths, some 150 bytes a document.
"""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.clock import utc_now
from ragkernel.errors import ConfigurationError, ExportFailed, VersionRefused
from ragkernel.generated import queries
from ragkernel.operations import files

from . import form
from .form import CHUNKS, DOCUMENTS, INTEGER_MAX, INTEGER_MIN, INTERNAL, MANIFEST, ChunkLine, DocumentLine, WrongForm
from .reading import PROGRESS_ROWS

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator
    from typing import IO

    from ragkernel.connections import Reader
    from ragkernel.generated.models import ArchiveChunks
    from ragkernel.knowledge.bases import Version
    from ragkernel.service import SqlService

    from .reading import Progress

# A page of chunks: rows at most, few because any may be large; and the bytes that it is to have, fewer rows where those
# of the page before were large.
_PAGE_ROWS = 16
_PAGE_BYTES = 1024 * 1024

_OPERATION = "export knowledge base"


class _Stopped(Exception):
    """The caller's callback raised an OSError, which is none of the file's."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error


class Exported(NamedTuple):
    """An archive that was written. path: its absolute path. size_bytes: of the file. seconds: what it took."""

    path: str
    name: str
    version: int
    documents: int
    chunks: int
    size_bytes: int
    seconds: float


def export_kb(
    service: SqlService,
    name: str,
    path: str | os.PathLike[str],
    *,
    version: int | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write a version of the knowledge base `name` to the new file `path` (mode 0600): an archive as ragkernel.archive
    describes it, which `import_kb` reads and any tool that knows zip and JSON. The folder that ingest noted in the
    metadata of its documents (`root`) is left out.

    version: the active one where None. progress("write", rows done, rows in all) is called now and then; an exception
    that it raises ends the export. Blocks for the whole export; a reader is leased and the -wal file kept from starting
    anew meanwhile. The file appears under its name when it is whole and synced; one that is there is never replaced.

    Raises NotFound for a base or version that is not there, VersionRefused for one that is not complete or was pruned,
    ConfigurationError where `path` is taken, ExportFailed where the file cannot be written (a full disk), or where a
    row cannot stand in an archive: two documents of one path, a path with a NUL, a chunk whose content_hash is not the
    SHA-256 of its content, metadata that is no JSON or longer than 1 MiB, sizes that no chunk can have. Nothing is left
    then.
    """
    started = time.monotonic()
    final = os.path.abspath(os.fspath(path))
    if os.path.lexists(final):
        raise _taken(final)
    with service.read() as conn:
        found = service.knowledge_bases.version(name, version)
        _require_complete(found)
        temporary = files.temporary_name(final)
        try:
            files.remove_leftovers(os.path.dirname(final))
            with os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b") as file:
                documents, chunks = _Export(conn, found, file, progress).run()
            files.publish(temporary, final, number_it=False)
        except _Stopped as stopped:
            raise stopped.error from None
        except FileExistsError:
            raise _taken(final) from None
        except OSError as error:
            raise ExportFailed(
                f"cannot write the archive: {error.strerror or type(error).__name__}",
                operation=_OPERATION,
                path=final,
                hint="check the folder, its mode and the space",
            ) from None
        finally:
            files.remove(temporary)
    size = os.stat(final).st_size
    return Exported(final, found.name, found.version, documents, chunks, size, time.monotonic() - started)


class _Export:
    """One export. conn: a snapshot. file: empty, and seekable."""

    def __init__(self, conn: Reader, version: Version, file: IO[bytes], progress: Progress | None) -> None:
        self._conn = conn
        self._version = version
        self._file = file
        self._progress = progress
        self._total = 0
        self._done = 0
        self._members: dict[str, form.Member] = {}

    def run(self) -> tuple[int, int]:
        """Write all members; how many documents and chunks they hold."""
        import zipfile

        self._total = queries.documents.count_by_kb_id(self._conn, kb_id=self._version.id)
        self._total += self._version.chunks
        with zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED) as archive:
            documents = self._write(archive, DOCUMENTS, self._documents())
            chunks = self._write(archive, CHUNKS, self._chunks())
            self._manifest(archive, documents, chunks)
        self._tell(documents + chunks, documents + chunks)
        return documents, chunks

    def _tell(self, done: int, total: int) -> None:
        if self._progress is not None:
            try:
                self._progress("write", done, total)
            except OSError as error:
                raise _Stopped(error) from None

    def _write(self, archive: zipfile.ZipFile, name: str, lines: Iterator[bytes]) -> int:
        """Write a member; how many lines it has."""
        digest = hashlib.sha256()
        size = count = 0
        with archive.open(_entry(name), "w", force_zip64=True) as stream:
            for count, line in enumerate(lines, 1):  # noqa: B007 -- the last one is wanted
                stream.write(line)
                digest.update(line)
                size += len(line)
                self._done += 1
                if self._done % PROGRESS_ROWS == 0:
                    self._tell(self._done, max(self._total, self._done))
        self._members[name] = form.Member(size, digest.hexdigest())
        return count

    def _documents(self) -> Iterator[bytes]:
        former: str | None = None
        for number, place in enumerate(queries.archive.document_order(self._conn, kb_id=self._version.id), 1):
            if place.source_path == former:
                raise _unfit(f"document {place.id}", "another document of this version has the same source_path")
            former = place.source_path
            row = queries.archive.document(self._conn, id=place.id)
            assert row is not None, "one snapshot"
            try:
                yield form.line_of(
                    DocumentLine(
                        number,
                        row.source_path,
                        row.title,
                        row.content_hash,
                        row.license_info,
                        row.metadata,
                        row.chunk_count,
                        row.size_bytes,
                        row.created_at,
                        row.updated_at,
                    )
                )
            except WrongForm as wrong:
                raise _unfit(f"document {place.id}", str(wrong)) from None

    def _chunks(self) -> Iterator[bytes]:
        limit = _PAGE_ROWS
        for number, place in enumerate(queries.archive.document_order(self._conn, kb_id=self._version.id), 1):
            first = INTEGER_MIN
            while True:
                page = queries.archive.chunks(self._conn, document_id=place.id, first=first, limit=limit)
                size = 1
                for row in page:
                    line = self._chunk(number, place.id, row)
                    size += len(line)
                    yield line
                full, last = len(page) == limit, page[-1].chunk_index if page else INTEGER_MAX
                limit = max(1, min(_PAGE_ROWS, _PAGE_BYTES * max(1, len(page)) // size))
                if not full or last == INTEGER_MAX:
                    break
                first = last + 1

    def _chunk(self, number: int, document_id: str, row: ArchiveChunks) -> bytes:
        try:
            return form.line_of(
                ChunkLine(
                    number,
                    row.chunk_index,
                    row.content,
                    row.content_hash,
                    row.token_count,
                    row.metadata,
                    row.created_at,
                )
            )
        except WrongForm as wrong:
            raise _unfit(f"chunk {row.chunk_index} of document {document_id}", str(wrong)) from None

    def _manifest(self, archive: zipfile.ZipFile, documents: int, chunks: int) -> None:
        from ragkernel import __version__

        version = self._version
        row = queries.knowledge_bases.get(self._conn, id=version.id)
        assert row is not None, "one snapshot"
        metadata = {} if row.metadata is None else row.metadata
        if not isinstance(metadata, dict):
            raise _unfit("the version", "its metadata is no JSON object")
        base = form.Base(
            row.name,
            row.version,
            row.embedder_model,
            row.chunk_size,
            row.chunk_overlap,
            row.description,
            {key: value for key, value in metadata.items() if key not in INTERNAL},
        )
        try:
            text = form.manifest_text(form.Manifest(base, documents, chunks, self._members), __version__, utc_now())
        except WrongForm as wrong:
            raise _unfit("the version", str(wrong)) from None
        archive.writestr(_entry(MANIFEST), text)


def _entry(name: str) -> zipfile.ZipInfo:
    """The entry of a member: the same bytes at every time and under every user."""
    import zipfile

    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _require_complete(version: Version) -> None:
    reason = "was pruned: its documents are removed" if version.pruned_at is not None else ""
    if version.status not in ("active", "inactive"):
        reason = f"is not complete (it is {version.status!r})"
    if reason:
        raise VersionRefused(
            f"version {version.version} of knowledge base {version.name!r} {reason}",
            operation=_OPERATION,
            hint=f"`ragkernel kb versions {version.name}` shows which can be exported",
        )


def _taken(path: str) -> ConfigurationError:
    return ConfigurationError(
        "there is a file of this name", operation=_OPERATION, path=path, hint="name a new file, or move that one away"
    )


def _unfit(what: str, reason: str) -> ExportFailed:
    """The error for a row that no archive can hold."""
    return ExportFailed(
        f"{what} cannot stand in an archive: {reason}",
        operation=_OPERATION,
        hint="the application that wrote the row can mend it; `ragkernel show ID` shows it",
    )
