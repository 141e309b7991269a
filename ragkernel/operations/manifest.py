"""The manifest of a backup of a pair: which two files belong together, of which moment, and their digests.

It is written last, so a pair of files without one is no backup: they may be of two moments.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ragkernel.core.migrate import APP_META, EVENTS
from ragkernel.errors import BackupRefused

from . import files

if TYPE_CHECKING:
    from datetime import datetime

FORMAT = 1
_PAIR = "pair"


class Part(NamedTuple):
    """One file of the backup. name: without its folder, which is the manifest's. sha256: of the whole file, in hex."""

    name: str
    size_bytes: int
    sha256: str


class Manifest(NamedTuple):
    """What a manifest says. event_position: the id of the last event; app_meta refers to none behind it."""

    path: str
    pair_id: str
    event_position: int
    schema_version: int
    created_at: str
    app_meta: Part
    events: Part

    @property
    def app_path(self) -> str:
        """The file of app_meta."""
        return os.path.join(os.path.dirname(self.path), self.app_meta.name)

    @property
    def events_path(self) -> str:
        """The file of the events."""
        return os.path.join(os.path.dirname(self.path), self.events.name)


def describe(path: str, name: str) -> Part:
    """The facts of a copy that is to be called `name`. Reads the whole file; no database that is in use."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Part(name, os.fstat(file.fileno()).st_size, digest)


def write(
    path: str,
    parts: tuple[Part, Part],
    *,
    pair_id: str,
    event_position: int,
    schema_version: int,
    created_at: datetime,
) -> None:
    """Write the manifest under its name, whole or not at all, and synced. Raises FileExistsError, OSError."""
    text = json.dumps(
        {
            "format": FORMAT,
            "pair_id": pair_id,
            "event_position": event_position,
            "schema_version": schema_version,
            "created_at": created_at.isoformat(),
            "files": {database: part._asdict() for database, part in zip((APP_META, EVENTS), parts, strict=True)},
        },
        indent=2,
    )
    temporary = files.temporary_name(path)
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        files.publish(temporary, path, number_it=False)
    finally:
        files.remove(temporary)


def load(path: str) -> Manifest:
    """Read a manifest. Raises BackupRefused where it is none, or not of a format that this code knows."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if found["format"] != FORMAT:
            raise refused(f"the manifest has format {found['format']!r}, this code knows {FORMAT}", path)
        parts = [_part(found["files"][database]) for database in (APP_META, EVENTS)]
        numbers = int(found["event_position"]), int(found["schema_version"])
        return Manifest(os.path.abspath(path), str(found["pair_id"]), *numbers, str(found["created_at"]), *parts)
    except OSError as error:
        problem = refused(f"the manifest cannot be read: {error.strerror}", path)
    except (ValueError, KeyError, TypeError, RecursionError):
        problem = refused("the file is not the manifest of a backup", path)
    raise problem


def _part(found: dict[str, Any]) -> Part:
    name = str(found["name"])
    if os.path.basename(name) != name or name in ("", ".", ".."):
        raise ValueError("not a file beside the manifest")
    return Part(name, int(found["size_bytes"]), str(found["sha256"]))


def beside(path: str) -> str | None:
    """The manifest that belongs to one of the two files by its name, None where the name is not of a pair's file."""
    folder, name = os.path.split(os.path.abspath(path))
    found = re.fullmatch(rf"(?:{APP_META}|{EVENTS})(_.*)\.db", name)
    return None if found is None else os.path.join(folder, manifest_name(found[1]))


def manifest_name(rest: str) -> str:
    """The name of a manifest; `rest` is what follows the database's name in the names of its files."""
    return f"{_PAIR}{rest}.json"


def refused(message: str, path: str, *, hint: str = "") -> BackupRefused:
    """The error of a backup of a pair that cannot be restored."""
    return BackupRefused(
        message,
        operation="restore",
        path=path,
        hint=hint or "name the manifest that ragkernel backup made (pair_….json)",
    )
