"""Reading an archive that anybody may have made: nothing of it is believed before it was verified.

Only the three known members are read, never under a name of their own, and nothing is unpacked to a disk. What the
manifest declares is the limit while a member is inflated, and a line has a limit too, so memory stays flat whatever the
file claims to be (https://docs.python.org/3/library/zipfile.html#decompression-pitfalls).
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from ragkernel.core.database import is_live
from ragkernel.errors import ArchiveRefused

from . import form
from .form import CHUNKS, DOCUMENTS, LINE_BYTES, MANIFEST, MANIFEST_BYTES, WrongForm

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterator
    from typing import IO

    from .form import ChunkLine, DocumentLine, Manifest

    # progress(step, rows done, rows in all), where step says what is done to the rows.
    Progress = Callable[[str, int, int], object]

NAMES = {MANIFEST, DOCUMENTS, CHUNKS}

_BLOCK = 256 * 1024
_MOST_AT_ONCE = 4 * _BLOCK
_END = struct.Struct("<4s4H2LH")  # the end of central directory record of a zip without a comment
_DIRECTORY_BYTES = 4096  # the directory of three members takes some 300

_OPERATION = "import knowledge base"
_DAMAGED = "it was cut short or changed; export it again"

PROGRESS_ROWS = 1000


class _Limited:
    """A file that gives no more than _MOST_AT_ONCE bytes: zipfile reads the whole directory that a file declares at
    once, and takes one that ends early for damaged."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(_MOST_AT_ONCE if size < 0 else min(size, _MOST_AT_ONCE))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Archive:
    """An open archive whose manifest was read. Used by one thread."""

    def __init__(self, path: str, file: zipfile.ZipFile) -> None:
        self._path = path
        self._zip = file
        self.manifest = self._manifest()

    def rows(self) -> Iterator[DocumentLine | ChunkLine]:
        """Every row, each document before its chunks, verified as it is read; sizes, hashes and counts at the end.

        Raises ArchiveRefused, with the member and the line.
        """
        declared = self.manifest
        chunks = self._chunks()
        seen = 0
        former: DocumentLine | None = None
        for document in self._documents():
            if former is not None and document.source_path <= former.source_path:
                again = document.source_path == former.source_path
                what = "it has the path of the one before" if again else "it is not in the order of the paths"
                self._refuse(DOCUMENTS, document.document, what)
            former = document
            yield document
            last: int | None = None
            for _ in range(document.chunk_count):
                chunk = next(chunks, None)
                if chunk is None or chunk.document != document.document:
                    self._refuse(
                        CHUNKS, seen + 1, f"it is not of document {document.document}, of which chunks are missing"
                    )
                seen += 1
                if last is not None and chunk.chunk_index <= last:
                    self._refuse(CHUNKS, seen, "it is not in the order of chunk_index")
                last = chunk.chunk_index
                yield chunk
        if next(chunks, None) is not None:
            self._refuse(CHUNKS, seen + 1, "it has no document, or is one more than its document has")
        if ((former.document if former else 0), seen) != (declared.documents, declared.chunks):
            self._refuse(MANIFEST, None, "it has other counts than there are rows")

    def verify(self, progress: Progress | None = None) -> None:
        """Read every row once. Raises ArchiveRefused."""
        total = self.manifest.documents + self.manifest.chunks
        done = 0
        for done, _ in enumerate(self.rows(), 1):
            if progress is not None and done % PROGRESS_ROWS == 0:
                progress("check", done, total)
        if progress is not None:
            progress("check", done, total)

    def _documents(self) -> Iterator[DocumentLine]:
        for number, line in enumerate(self._lines(DOCUMENTS), 1):
            try:
                document = form.document_of(line)
            except WrongForm as wrong:
                self._refuse(DOCUMENTS, number, str(wrong))
            if document.document != number:
                self._refuse(DOCUMENTS, number, "it has another number than its line")
            yield document

    def _chunks(self) -> Iterator[ChunkLine]:
        for number, line in enumerate(self._lines(CHUNKS), 1):
            try:
                chunk = form.chunk_of(line)
            except WrongForm as wrong:
                self._refuse(CHUNKS, number, str(wrong))
            yield chunk

    def _lines(self, name: str) -> Iterator[bytes]:
        """The lines of a member, without their newlines."""
        declared = self.manifest.members[name]
        digest = hashlib.sha256()
        size = count = 0
        parts: list[bytes] = []  # of the line that is not at its end
        held = 0
        for block in self._blocks(name):
            size += len(block)
            if size > declared.size_bytes:
                break
            digest.update(block)
            first, *others = block.split(b"\n")
            parts.append(first)
            held += len(first)
            if held > LINE_BYTES:
                self._refuse(name, count + 1, f"it is longer than {LINE_BYTES >> 20} MiB")
            if others:
                yield b"".join(parts)
                yield from others[:-1]
                count += len(others)
                parts, held = others[-1:], len(others[-1])
        if size != declared.size_bytes:
            self._refuse(name, None, "it has another size than the manifest says")
        if digest.hexdigest() != declared.sha256:
            self._refuse(name, None, "it has another SHA-256 than the manifest says")
        if held:
            self._refuse(name, count + 1, "it has no end")

    def _blocks(self, name: str) -> Iterator[bytes]:
        with _zip_errors(self._path, name), self._zip.open(name) as stream:
            while block := stream.read(_BLOCK):
                yield block

    def _manifest(self) -> Manifest:
        text = b""
        for block in self._blocks(MANIFEST):
            text += block
            if len(text) > MANIFEST_BYTES:
                self._refuse(MANIFEST, None, f"it is longer than {MANIFEST_BYTES >> 20} MiB")
        try:
            return form.manifest_of(text)
        except WrongForm as wrong:
            raise refused(self._path, f"{MANIFEST}: {wrong}") from None

    def _refuse(self, member: str, line: int | None, what: str) -> NoReturn:
        place = member if line is None else f"line {line} of {member}"
        raise refused(self._path, f"{place}: {what}")


@contextmanager
def opened(path: str) -> Iterator[Archive]:
    """An archive, open, its manifest read. Blocks for the disk. Raises ArchiveRefused."""
    import zipfile

    try:
        status = os.stat(path)  # opening a pipe would wait for its writer
        if stat.S_ISDIR(status.st_mode):
            raise refused(path, "it is a folder", "name the file that `kb export` wrote")
        if not stat.S_ISREG(status.st_mode):
            raise refused(path, "it is no file", "name the file that `kb export` wrote")
        if is_live(status):  # opening and closing it would drop SQLite's locks on it
            raise refused(path, "it is the database itself, which is open", "name the file that `kb export` wrote")
        file = open(path, "rb")  # noqa: SIM115 -- the next line closes it
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else None
        raise refused(path, f"it cannot be read: {told or 'no such name'}", "check the path") from None
    with file:
        with _zip_errors(path, "the zip"):
            limited: Any = _Limited(file)
            _require_small_directory(path, limited, status.st_size)
            archive = zipfile.ZipFile(limited)
            members = archive.infolist()
        with archive:
            if len(members) != len(NAMES) or {member.filename for member in members} != NAMES:
                raise refused(path, f"its members are not {', '.join(sorted(NAMES))}")
            for member in members:
                if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise refused(path, f"{member.filename} is encrypted, or packed by another method than deflate")
            yield Archive(path, archive)


def refused(path: str, what: str, hint: str = _DAMAGED) -> ArchiveRefused:
    """The error for a file that cannot be imported."""
    return ArchiveRefused(f"the archive is refused: {what}", operation=_OPERATION, path=path, hint=hint)


def _require_small_directory(path: str, file: IO[bytes], size: int) -> None:
    """Refuse what does not end as `kb export` ends a file, before zipfile reads the directory that it declares."""
    file.seek(max(0, size - _END.size))
    end = file.read(_END.size)
    if len(end) != _END.size or not end.startswith(b"PK\5\6"):
        raise refused(
            path, "it is no zip file, or it is cut short", "name a whole file that `ragkernel kb export` wrote"
        )
    _, _, _, _, count, directory, _, _ = _END.unpack(end)
    if count != len(NAMES) or directory > _DIRECTORY_BYTES:
        raise refused(path, f"its members are not {', '.join(sorted(NAMES))}")


@contextmanager
def _zip_errors(path: str, what: str) -> Iterator[None]:
    """What zipfile and zlib raise for a damaged file, as ArchiveRefused."""
    import zipfile

    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError, ValueError):
        raise refused(path, f"{what} is damaged") from None
    except OSError as error:
        raise refused(path, f"{what} cannot be read: {error.strerror or 'a damaged file'}") from None
