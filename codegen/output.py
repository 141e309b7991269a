"""The only writer to disk. It owns the output folder: what it did not write this time, and wrote once, it removes."""

from __future__ import annotations

import difflib
import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import GenerationError
from .render import OWNED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# A file of ours that has not its name yet: `.models.py.4711.tmp`.
_TEMPORARY = re.compile(r"\..+\.\d+\.tmp")


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as it would be generated. reason: changed, missing, truncated, orphaned, or what stands in its
    place: a symlink or a folder."""

    path: str
    reason: str
    diff: str


def write(files: Mapping[str, str], out: Path) -> list[str]:
    """Make the folder hold exactly these files; the paths written or removed.

    Each file is written under a temporary name and renamed, and one that is right already is not touched. What a
    generator that was killed left under such a name is removed; one that is at work is waited for. Raises
    GenerationError for a file in the folder that the generator did not write, and for a folder in a file's place. A
    symlink in a file's place is replaced; what it points to is left alone.
    """
    with _alone(out):
        return _write(files, out)


def _write(files: Mapping[str, str], out: Path) -> list[str]:
    for place in sorted({out, *(parent for path in files for parent in (out / path).parents if out in parent.parents)}):
        if (place.exists() and not place.is_dir()) or (place != out and place.is_symlink()):
            raise GenerationError("a folder is to stand here", file=str(place), hint="move it elsewhere")
    orphans = _orphans(files, out)
    for path in sorted(files):
        if (out / path).is_dir() and not (out / path).is_symlink():
            raise GenerationError("a file is to stand here", file=str(out / path), hint="move the folder elsewhere")
    for path in orphans:
        left_over = _TEMPORARY.fullmatch((out / path).name) is not None
        if (out / path).is_symlink() or not (left_over or _read(out / path).startswith(OWNED)):
            raise GenerationError(
                "the generator did not write this file, and it owns the folder",
                file=str(out / path),
                hint="move it elsewhere",
            )
    changed: list[str] = []
    for path, text in sorted(files.items()):
        target = out / path
        data = text.encode()
        if _read(target) == data and not target.is_symlink():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            temporary.write_bytes(data)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        changed.append(path)
    for path in orphans:
        (out / path).unlink()
        changed.append(path)
    return changed


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Wait until no other generator writes into the folder: the two would remove each other's temporary files. Where
    there is no `flock`, or no folder yet, nobody is waited for."""
    try:
        import fcntl

        place = os.open(out, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


def check(files: Mapping[str, str], out: Path) -> list[Difference]:
    """How the folder differs, byte by byte and in both directions; nothing is written."""
    found = []
    for path, text in sorted(files.items()):
        data, target = text.encode(), out / path
        linked = next((one for one in (target, *target.parents) if out in one.parents and one.is_symlink()), None)
        if linked is not None or target.is_dir():
            found.append(Difference(path, "a folder" if linked is None else "a symlink", ""))
            continue
        if not target.is_file():
            found.append(Difference(path, "missing", ""))
            continue
        present = _read(target)
        if present != data:
            reason = "truncated" if data.startswith(present) else "changed"
            found.append(Difference(path, reason, _diff(path, present, text)))
    found += [Difference(path, "orphaned", "") for path in _orphans(files, out)]
    return sorted(found, key=lambda one: one.path)


def _orphans(files: Mapping[str, str], out: Path) -> list[str]:
    """What stands in the folder, symlinks included, and is not generated; bytecode is nobody's."""
    found = []
    for path in out.rglob("*"):
        name = path.relative_to(out).as_posix()
        bytecode = path.parent.name == "__pycache__" and ".pyc" in path.name
        linked = path.is_symlink()
        # A link in the place of a folder is reported with the files that are to stand in it.
        expected = name in files or (linked and any(one.startswith(f"{name}/") for one in files))
        if (linked or not path.is_dir()) and not bytecode and not expected:
            found.append(name)
    return sorted(found)


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _diff(path: str, present: bytes, text: str) -> str:
    old = present.decode("utf-8", "replace").splitlines(keepends=True)
    lines = difflib.unified_diff(old, text.splitlines(keepends=True), f"{path} (on disk)", f"{path} (generated)")
    return "".join(line if line.endswith("\n") else line + "\n\\ no line break at the end\n" for line in lines)
