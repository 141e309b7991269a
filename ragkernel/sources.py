"""The text files below a folder: found in a fixed order, read one at a time, each with a reason when it is left out.

Left out without a word: files that no pattern matches, hidden files and folders (names that begin with a dot, such as
.git and .venv), and the folders __pycache__ and node_modules. Left out and reported: symbolic links (never followed,
so there are no loops and nothing outside the folder is read), what is no regular file, names that are not UTF-8, files
that cannot be read, files above MAX_FILE_BYTES, and what is not text.

Text is UTF-8, with or without a byte order mark, or UTF-16 with one. Every other encoding is reported instead of being
guessed, because a wrong guess stores wrong text without an error.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_FILE_BYTES = 256 * 1024 * 1024
SMALL_FILE_BYTES = 8 * 1024 * 1024
HEAD_CHARS = 4000

_LANGUAGES: dict[str, str] = {
    "markdown": "md markdown mdx",
    "restructuredtext": "rst",
    "text": "txt text adoc org tex",
    "python": "py pyi",
    "c": "c h",
    "c++": "cc cpp cxx hh hpp hxx",
    "c#": "cs",
    "clojure": "clj cljs",
    "dart": "dart",
    "elixir": "ex exs",
    "erlang": "erl hrl",
    "fortran": "f90 f95",
    "go": "go",
    "graphql": "graphql",
    "haskell": "hs",
    "java": "java",
    "javascript": "js jsx mjs",
    "julia": "jl",
    "kotlin": "kt kts",
    "lua": "lua",
    "nim": "nim",
    "objective-c": "m mm",
    "ocaml": "ml mli",
    "perl": "pl pm",
    "php": "php",
    "protobuf": "proto",
    "r": "r",
    "ruby": "rb",
    "rust": "rs",
    "scala": "scala",
    "shell": "sh bash zsh",
    "sql": "sql",
    "swift": "swift",
    "toml": "toml",
    "typescript": "ts tsx",
    "yaml": "yaml yml",
    "zig": "zig",
}
_LANGUAGE_OF = {f".{suffix}": language for language, suffixes in _LANGUAGES.items() for suffix in suffixes.split()}

# Prose and source code. Markup and data (HTML, XML, JSON, CSV) are left to a pattern of the caller's: most of it is not
# text that anyone looks for.
DEFAULT_GLOBS: tuple[str, ...] = (
    *(f"*{suffix}" for suffix in _LANGUAGE_OF),
    *("README", "LICENSE", "COPYING", "CHANGELOG", "NOTICE", "Makefile", "Dockerfile"),
)

_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules"})


class Skipped(NamedTuple):
    """A file or folder that was left out. path: relative to the folder, printable. reason: the same text for all that
    were left out for the same reason."""

    path: str
    reason: str


class SourceFile(NamedTuple):
    """A file to read. source_path: relative to the folder, with forward slashes. size_bytes: as the walk saw it."""

    source_path: str
    path: str
    size_bytes: int


class Measure(NamedTuple):
    """What a walk meets. files: all that `find` gives, left out or not. size_bytes: of those to read."""

    files: int
    size_bytes: int


class SourceChanged(Exception):
    """A file changed between its two readings. skipped: what to report of it."""

    def __init__(self, skipped: Skipped) -> None:
        super().__init__(f"{skipped.path}: {skipped.reason}")
        self.skipped = skipped


class SourceText:
    """What a readable file holds.

    content_hash: SHA-256 of the file's bytes, hexadecimal. size_bytes: bytes read. mtime_ns: nanoseconds since 1970.
    encoding: `utf-8`, `utf-16`, or what an HTML file declares. language: for ragkernel.chunking and ragkernel.outline.
    head: the first HEAD_CHARS characters of the text. large: whether the text is too large to be held in memory.
    """

    def __init__(self, content: bytes, text: str, encoding: str, mtime_ns: int, language: str) -> None:
        self.content_hash = hashlib.sha256(content).hexdigest()
        self.size_bytes = len(content)
        self.mtime_ns = mtime_ns
        self.encoding = encoding
        self.language = language
        self.head = text[:HEAD_CHARS]
        self.large = self.size_bytes > SMALL_FILE_BYTES
        self._text = text

    def pieces(self) -> Iterator[str]:
        """The text in order. Raises SourceChanged where the file has changed since it was read."""
        yield self._text


def language_of(source_path: str) -> str:
    """The kind of text by the file's suffix: `markdown`, `python`, …; `text` where it is not known."""
    return _LANGUAGE_OF.get(PurePosixPath(source_path).suffix.lower(), "text")


def printable(path: str) -> str:
    """`path` with what no UTF-8 text can hold written as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def find(path: str, globs: Iterable[str] | None = None) -> Iterator[SourceFile | Skipped]:
    """The files at `path`, a folder or one file, that match a pattern, in the order of their names, folder by folder.

    globs: shell patterns, case ignored: `*.md` and other patterns without a slash match a file's name, patterns with
    one its path below the folder, where `**` spans folders. DEFAULT_GLOBS where None; one file that is named needs no
    match then. Raises ConfigurationError at the call where `path` does not exist or a pattern is empty.
    """
    patterns = _Patterns(DEFAULT_GLOBS if globs is None else globs)
    try:
        facts = Path(path).stat()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {printable(path)}: {error.strerror}", operation="ingest", hint="give a folder or a text file"
        ) from None
    if stat.S_ISDIR(facts.st_mode):
        return _walk(path, patterns)
    name = Path(path).name
    found = _judge(name, path, facts) if globs is None or patterns.match(name, name) else None
    return iter(() if found is None else (found,))


def measure(path: str, globs: Iterable[str] | None = None) -> Measure:
    """How much `find` gives for the same arguments; reads no file. Raises ConfigurationError as `find` does."""
    files = size_bytes = 0
    for entry in find(path, globs):
        files += 1
        size_bytes += entry.size_bytes if isinstance(entry, SourceFile) else 0
    return Measure(files, size_bytes)


def read(file: SourceFile, avoid: Callable[[os.stat_result], bool]) -> SourceText | Skipped:
    """Read and decode one file. Never raises for what is wrong with the file: it is Skipped, with the reason.

    avoid: whether a file must not even be opened.
    """
    try:
        if avoid(os.stat(file.path)):
            return Skipped(file.source_path, "an open database")
        with Path(file.path).open("rb") as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                return Skipped(file.source_path, "not a regular file")
            if facts.st_size > MAX_FILE_BYTES:
                return Skipped(file.source_path, f"larger than {MAX_FILE_BYTES // 2**20} MiB")
            content = stream.read()
    except OSError as error:
        return Skipped(file.source_path, _reason(error))
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    if encoding == "utf-8" and b"\0" in content:
        return Skipped(file.source_path, "binary: it holds a NUL byte")
    try:
        text = content.decode(encoding if encoding == "utf-16" else "utf-8-sig")
    except UnicodeDecodeError:
        return Skipped(file.source_path, f"not text: it is not {encoding.upper()}")
    if "\0" in text:
        return Skipped(file.source_path, "binary: it holds a NUL character")
    return SourceText(content, text, encoding, facts.st_mtime_ns, language_of(file.source_path))


def _walk(root: str, patterns: _Patterns) -> Iterator[SourceFile | Skipped]:
    waiting = [("", root)]  # the next folder stands last
    while waiting:
        prefix, folder = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Skipped(printable(prefix) or ".", f"folder: {_reason(error)}")
            continue
        folders: list[tuple[str, str]] = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            below = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name in _SKIPPED_FOLDERS:
                    continue
                if _is_utf8(entry.name):
                    folders.append((below + "/", entry.path))
                else:
                    yield Skipped(printable(below), "folder: its name is not UTF-8")
            elif patterns.match(entry.name, below):
                yield _judged_entry(below, entry)
        waiting.extend(reversed(folders))


def _judged_entry(below: str, entry: os.DirEntry[str]) -> SourceFile | Skipped:
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError as error:
        return Skipped(printable(below), _reason(error))
    if stat.S_ISLNK(facts.st_mode):
        return Skipped(printable(below), "symbolic link")
    return _judge(below, entry.path, facts)


def _judge(below: str, path: str, facts: os.stat_result) -> SourceFile | Skipped:
    if not _is_utf8(below):
        return Skipped(printable(below), "its name is not UTF-8")
    if not stat.S_ISREG(facts.st_mode):
        return Skipped(below, "not a regular file")
    return SourceFile(below, path, facts.st_size)


def _is_utf8(name: str) -> bool:
    """Whether a name that the system gave is UTF-8; Python writes other bytes as lone surrogates (PEP 383)."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "vanished"
    return (error.strerror or type(error).__name__).lower()


class _Patterns:
    """Shell patterns, compiled: those without a slash are for names, the others for paths below the folder."""

    def __init__(self, globs: Iterable[str]) -> None:
        globs = list(globs)
        if not globs or not all(glob.strip() for glob in globs):
            raise ConfigurationError(
                "an empty pattern matches nothing", operation="ingest", hint="give one like '*.md'"
            )
        self._names = self._any_of(glob for glob in globs if "/" not in glob)
        self._paths = self._any_of(glob.removeprefix("./") for glob in globs if "/" in glob)

    @staticmethod
    def _any_of(globs: Iterable[str]) -> re.Pattern[str]:
        try:
            return re.compile("|".join(map(_translated, globs)) or r"(?!)", re.IGNORECASE | re.DOTALL)
        except re.error as error:
            raise ConfigurationError(f"a pattern is wrong: {error.msg}", operation="ingest") from None

    def match(self, name: str, below: str) -> bool:
        return bool(self._names.fullmatch(name) or self._paths.fullmatch(below))


_GLOB_PART = re.compile(
    r"(?P<any>\*\*/)|(?P<star>\*+)|(?P<one>\?)|\[(?P<not>!?)(?P<set>\]?[^\]]*)\]|(?P<plain>.)", re.S
)


def _translated(glob: str) -> str:
    """The regular expression of a shell pattern; the standard library has one that knows `**` from Python 3.13 on."""
    parts = []
    for match in _GLOB_PART.finditer(glob):
        kind = match.lastgroup
        if kind == "any":
            parts.append("(?:.*/)?")
        elif kind == "star":
            parts.append(".*" if match["star"] == "**" else "[^/]*")
        elif kind == "one":
            parts.append("[^/]")
        elif kind == "set":
            inner = match["set"].replace("\\", r"\\").replace("[", r"\[").replace("]", r"\]")
            parts.append(f"[{'^' if match['not'] else ''}{inner}]")
        else:
            parts.append(re.escape(match["plain"]))
    return "".join(parts)
