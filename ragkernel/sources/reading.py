"""Reading one file: its bytes are hashed and checked, its text is decoded, once and, where it is large, a second time.

Text is UTF-8, with or without a byte order mark, or UTF-16 with one; an HTML page may declare another encoding. Every
other encoding is reported instead of being guessed, because a wrong guess stores wrong text without an error.

A file up to SMALL_FILE_BYTES is held in memory. A larger one is read once to learn whether it is text and what its hash
is, and again for its text, piece by piece, so memory stays flat. A file that changes while it is read is read again a
few times and then reported; one that changes before it is read the second time is SourceChanged. A change of the bytes
that leaves size and time of modification as they were, within the clock's resolution, cannot be seen by the first
reading.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
from io import FileIO
from typing import TYPE_CHECKING

from ragkernel.markup import DECLARED_WITHIN, MarkupText, declared_encoding

from .languages import language_of
from .walk import Skipped, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .walk import SourceFile

SMALL_FILE_BYTES = 8 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
HEAD_CHARS = 4000
ATTEMPTS = 3

_CHANGES = "changes while it is read"

# What stands under a name may be replaced at any time: a pipe is not waited for, a link not followed.
_OPEN_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class SourceChanged(Exception):
    """A file changed between its two readings, or cannot be read again. skipped: what to report of it."""

    def __init__(self, skipped: Skipped) -> None:
        super().__init__(f"{skipped.path}: {skipped.reason}")
        self.skipped = skipped


class SourceText:
    """What a readable file holds.

    content_hash: SHA-256 of the file's bytes, hexadecimal. size_bytes: bytes read. mtime_ns: nanoseconds since 1970.
    encoding: `utf-8`, `utf-16`, or what an HTML page declares. language: for ragkernel.chunking and ragkernel.outline.
    head: the first HEAD_CHARS characters of the text. large: whether the text is too large to be held in memory.
    """

    __slots__ = ("_again", "_text", "content_hash", "encoding", "head", "language", "large", "mtime_ns", "size_bytes")

    def __init__(
        self, facts: os.stat_result, content_hash: str, decoding: _Decoding, text: str, again: _Again | None
    ) -> None:
        self.content_hash = content_hash
        self.size_bytes = facts.st_size
        self.mtime_ns = facts.st_mtime_ns
        self.encoding = decoding.encoding
        self.language = decoding.language
        self.head = text[:HEAD_CHARS]
        self.large = again is not None
        self._text = self.head if self.large else text
        self._again = again

    def pieces(self) -> Iterator[str]:
        """The text in order, without the byte order mark, line ends as they are; an HTML page as ragkernel.markup
        writes it. Of a large file by reading it again: raises SourceChanged, at the end at the latest, where its bytes
        are no longer those of the hash."""
        if self._again is not None:
            return self._again.pieces(self.content_hash, self.size_bytes)
        return iter((self._text,))


def read(file: SourceFile, avoid: Callable[[os.stat_result], bool]) -> SourceText | Skipped:
    """Read and decode one file. Never raises for what is wrong with the file: it is Skipped, with the reason.

    avoid: whether a file must not even be opened.
    """
    for _ in range(ATTEMPTS):
        try:
            found = _read(file, avoid)
        except OSError as error:
            return Skipped(file.source_path, reason(error))
        if found is not None:
            return found
    return Skipped(file.source_path, _CHANGES)


def _read(file: SourceFile, avoid: Callable[[os.stat_result], bool]) -> SourceText | Skipped | None:
    """The file as it is; None where it was changed meanwhile. Raises OSError."""
    stream = _open(file, avoid)
    if not isinstance(stream, FileIO):
        return stream
    with stream:
        facts = os.fstat(stream.fileno())
        large = facts.st_size > SMALL_FILE_BYTES
        digest = hashlib.sha256()
        decoding = _Decoding(file.source_path)
        texts: list[str] = []
        size = kept = 0
        for block in _blocks(stream, facts.st_size):
            size += len(block)
            if size > facts.st_size:
                return None
            digest.update(block)
            texts.append(decoding.checked(block, last=False, keep=not large or kept < HEAD_CHARS))
            kept += len(texts[-1])
        texts.append(decoding.checked(b"", last=True, keep=not large or kept < HEAD_CHARS))
    if size != facts.st_size or _marks(os.lstat(file.path)) != _marks(facts):
        return None
    if decoding.refusal:
        return Skipped(file.source_path, decoding.refusal)
    again = _Again(file, avoid) if large else None
    return SourceText(facts, digest.hexdigest(), decoding, "".join(texts), again)


class _Again:
    """The second reading of a file."""

    def __init__(self, file: SourceFile, avoid: Callable[[os.stat_result], bool]) -> None:
        self._file = file
        self._avoid = avoid

    def pieces(self, content_hash: str, size_bytes: int) -> Iterator[str]:
        """The text; raises SourceChanged where the bytes are not those of `content_hash`, `size_bytes` of them."""
        file = self._file
        changed = SourceChanged(Skipped(file.source_path, _CHANGES))
        digest = hashlib.sha256()
        decoding = _Decoding(file.source_path)
        left = size_bytes
        try:
            stream = _open(file, self._avoid)
            if isinstance(stream, Skipped):
                raise SourceChanged(stream)
            if stream is None:
                raise changed
            with stream:
                for block in _blocks(stream, size_bytes):
                    left -= len(block)
                    if left < 0:  # somebody may append faster than we read
                        raise changed
                    digest.update(block)
                    yield decoding.text(block, last=False)
            yield decoding.text(b"", last=True)
        except OSError as error:
            raise SourceChanged(Skipped(file.source_path, reason(error))) from error
        except UnicodeError:
            raise changed from None
        if digest.hexdigest() != content_hash:
            raise changed


def _open(file: SourceFile, avoid: Callable[[os.stat_result], bool]) -> FileIO | Skipped | None:
    """The file, open; None where another one took its name meanwhile. Never waits, as opening a pipe would. Raises
    OSError."""
    facts = os.lstat(file.path)
    if avoid(facts):
        return Skipped(file.source_path, "an open database")
    if stat.S_ISLNK(facts.st_mode):
        return Skipped(file.source_path, "symbolic link")
    if not stat.S_ISREG(facts.st_mode):
        return Skipped(file.source_path, "not a regular file")
    stream = FileIO(file.path, opener=_opened)
    if _identity(os.fstat(stream.fileno())) == _identity(facts):
        return stream
    stream.close()
    return None


def _opened(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | _OPEN_FLAGS)
    except BlockingIOError:  # a file that another program holds a lease on (fcntl(2)); it gives it up now
        return os.open(path, (flags | _OPEN_FLAGS) & ~getattr(os, "O_NONBLOCK", 0))


def _identity(facts: os.stat_result) -> tuple[int, ...]:
    return stat.S_IFMT(facts.st_mode), facts.st_dev, facts.st_ino


def _blocks(stream: FileIO, size: int) -> Iterator[bytes]:
    """What the file holds; `size` bytes, as far as we know, so no more than a small file needs is allocated."""
    while block := stream.read(min(PIECE_BYTES, size + 1)):
        yield block


def _marks(facts: os.stat_result) -> tuple[int, ...]:
    """What tells a file from a changed one and from another one of its name."""
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


class _Decoding:
    """Turns a file's bytes into its text, block by block. refusal: why it is no text; empty where it is one."""

    def __init__(self, source_path: str) -> None:
        self.language = language_of(source_path)
        self.encoding = "utf-8"
        self.refusal = ""
        self._nul = False
        self._decoder: codecs.IncrementalDecoder | None = None
        self._beginning = b""
        xhtml = source_path.lower().endswith(".xhtml")
        self._page = MarkupText(xml=xhtml) if self.language == "html" else None

    def checked(self, block: bytes, last: bool, keep: bool) -> str:
        """As `text`, but what is no text is a refusal. keep: whether the text is wanted, not the refusal alone."""
        text = ""
        if not self.refusal:
            try:
                text = self._decoded(block, last)
            except UnicodeError:
                self.refusal = f"not text: it is not {self.encoding.upper()}"
            if "\0" in text:
                self.refusal = "binary: it holds a NUL character"
        self._nul = self._nul or b"\0" in block
        if last and self._nul and self.encoding != "utf-16":
            self.refusal = "binary: it holds a NUL byte"
        return self._shown(text, last) if keep and not self.refusal else ""

    def text(self, block: bytes, last: bool) -> str:
        """The text of a block. last: whether the file ends with it. Raises UnicodeError."""
        return self._shown(self._decoded(block, last), last)

    def _shown(self, text: str, last: bool) -> str:
        return self._page.feed(text, last) if self._page else text

    def _decoded(self, block: bytes, last: bool) -> str:
        if self._decoder is None:
            block = self._beginning = self._beginning + block
            if len(block) < DECLARED_WITHIN and not last:
                return ""
            self._decoder = self._chosen(block)
        return self._decoder.decode(block, last)

    def _chosen(self, beginning: bytes) -> codecs.IncrementalDecoder:
        codec = "utf-8-sig"
        if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self.encoding = codec = "utf-16"
        elif self._page and not beginning.startswith(codecs.BOM_UTF8):
            declared = declared_encoding(beginning)
            if declared and declared != "utf-8":
                self.encoding = codec = declared
        self._beginning = b""
        return codecs.getincrementaldecoder(codec)("strict")
