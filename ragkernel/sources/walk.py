"""The files below a folder, in a fixed order, one folder's listing at a time.

Left out without a word: files that no pattern matches, hidden files and folders (names that begin with a dot, such as
.git and .venv), and the folders __pycache__ and node_modules. Left out and reported: symbolic links (never followed,
so there are no loops and nothing outside the folder is read), what is no regular file, names that are not UTF-8, and
folders that cannot be read.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.errors import ConfigurationError

from .languages import DEFAULT_GLOBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    name, path = Path(path).name, os.path.realpath(path)  # the one link that is followed: the caller named it
    found = _judge(name, path, facts) if globs is None or patterns.match(name, name) else None
    return iter(() if found is None else (found,))


def measure(path: str, globs: Iterable[str] | None = None) -> Measure:
    """How much `find` gives for the same arguments; reads no file. Raises ConfigurationError as `find` does."""
    files = size_bytes = 0
    for entry in find(path, globs):
        files += 1
        size_bytes += entry.size_bytes if isinstance(entry, SourceFile) else 0
    return Measure(files, size_bytes)


def _walk(root: str, patterns: _Patterns) -> Iterator[SourceFile | Skipped]:
    waiting = [("", root)]  # the next folder stands last
    while waiting:
        prefix, folder = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Skipped(printable(prefix) or ".", f"folder: {reason(error)}")
            continue
        folders: list[tuple[str, str]] = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            below = prefix + entry.name
            try:
                kind = _kind(entry)
            except OSError as error:
                yield Skipped(printable(below), reason(error))
                continue
            if kind == "folder":
                if entry.name in _SKIPPED_FOLDERS:
                    continue
                if _is_utf8(entry.name):
                    folders.append((below + "/", entry.path))
                else:
                    yield Skipped(printable(below), "folder: its name is not UTF-8")
            elif kind == "link to a folder" or patterns.match(entry.name, below):
                yield _judged_entry(below, entry)
        waiting.extend(reversed(folders))


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    try:
        return "link to a folder" if entry.is_symlink() and entry.is_dir() else "file"
    except OSError:  # a link that leads to itself
        return "file"


def _judged_entry(below: str, entry: os.DirEntry[str]) -> SourceFile | Skipped:
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError as error:
        return Skipped(printable(below), reason(error))
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


def reason(error: OSError) -> str:
    """Why a file or folder could not be read, in a few words without its path."""
    if isinstance(error, FileNotFoundError):
        return "vanished"
    if error.errno == errno.ELOOP:
        return "symbolic link"
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
