"""The only writer to disk. It owns the output folder: what it did not write this time, and wrote once, it removes."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import GenerationError
from .render import MARKER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as it would be generated. reason: changed, missing, truncated or orphaned."""

    path: str
    reason: str
    diff: str


def write(files: Mapping[str, str], out: Path) -> list[str]:
    """Make the folder hold exactly these files; the paths written or removed.

    Each file is written under a temporary name and renamed, and one that is right already is not touched. Raises
    GenerationError for a Python file in the folder that the generator did not write.
    """
    orphans = _orphans(files, out)
    for path in orphans:
        if not _read(out / path).startswith(MARKER.encode()):
            raise GenerationError(
                "the generator did not write this file, and it owns the folder",
                file=str(out / path),
                hint="move it elsewhere",
            )
    changed: list[str] = []
    for path, text in sorted(files.items()):
        target = out / path
        data = text.encode()
        if _read(target) == data:
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


def check(files: Mapping[str, str], out: Path) -> list[Difference]:
    """How the folder differs, byte by byte and in both directions; nothing is written."""
    found = []
    for path, text in sorted(files.items()):
        data, target = text.encode(), out / path
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
    """Files of the folder that are not generated; bytecode caches are nobody's."""
    return sorted(
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.relative_to(out).as_posix() not in files
    )


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _diff(path: str, present: bytes, text: str) -> str:
    old = present.decode("utf-8", "replace").splitlines(keepends=True)
    lines = difflib.unified_diff(old, text.splitlines(keepends=True), f"{path} (on disk)", f"{path} (generated)")
    return "".join(line if line.endswith("\n") else line + "\n\\ no line break at the end\n" for line in lines)
