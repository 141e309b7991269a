"""Files that appear under their name only when they are whole: temporary names, publishing, what a kill left behind."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ragkernel.clock import new_id, utc_now
from ragkernel.core.copy import make_durable
from ragkernel.errors import BackupFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a copy that is not verified yet is called: hidden, and not *.db. The number is of the process that makes it.
_UNFINISHED = ".unfinished"

# How much of the final name a temporary one holds, in bytes: 255 is what file systems take, and SQLite's own files
# beside it have longer names still.
_STEM_BYTES = 150

# What SQLite keeps beside a database and takes for part of whatever file has the database's name (hazard 39).
COMPANIONS = ("-wal", "-shm", "-journal")

# How long an unfinished copy of a process that is gone must lie untouched before it is removed, in seconds: its process
# may live on another machine that shares the folder.
_LEFTOVER_SECONDS = 60.0


def make_folder(folder: str) -> None:
    """Create a folder that only its owner may read (0700), if there is none. Raises OSError."""
    os.makedirs(folder, mode=0o700, exist_ok=True)


def temporary_name(final: str) -> str:
    """A name beside `final` for the time until it is whole; no longer than file systems allow where `final` is long."""
    folder, name = os.path.split(os.path.abspath(final))
    name = os.fsencode(name)[:_STEM_BYTES].decode(errors="ignore")
    return os.path.join(folder, f".{name}.{os.getpid()}.{new_id()}{_UNFINISHED}")


def free_name(folder: str, stem: str) -> str:
    """`stem`.db in `folder`, or `stem`_2.db and so on where that name is taken."""
    path = os.path.join(folder, f"{stem}.db")
    number = 1
    while os.path.lexists(path):
        number += 1
        path = os.path.join(folder, f"{stem}_{number}.db")
    return path


def name_aside(path: str, purpose: str) -> str:
    """A free name beside `path` for a file that is kept, and for what SQLite made beside it."""
    name = stem = f"{path}.{purpose}-{utc_now():%Y%m%d_%H%M%S}"
    number = 1
    while any(os.path.lexists(name + suffix) for suffix in ("", *COMPANIONS)):
        number += 1
        name = f"{stem}_{number}"
    return name


def move_companions(path: str, aside: str) -> Iterator[tuple[str, str]]:
    """Rename what SQLite left beside `path`, which would ruin another file of that name, to stand beside `aside`; each
    old and new name once it is renamed. For a file that no process has open. Raises OSError."""
    for suffix in COMPANIONS:
        if os.path.lexists(path + suffix):
            os.rename(path + suffix, aside + suffix)
            yield path + suffix, aside + suffix


def publish_database(temporary: str, final: str) -> None:
    """`publish` under the one name `final`; a -wal that a lost file of that name has left is kept under another name.
    Raises OSError."""
    if os.path.lexists(final):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), final)
    list(move_companions(final, name_aside(final, "replaced")))
    publish(temporary, final, number_it=False)


def require_two(first: str, second: str, operation: str) -> None:
    """Raise BackupFailed where two targets are one file, be it by way of a link."""
    if os.path.realpath(first) == os.path.realpath(second):
        raise BackupFailed(
            "both targets are the same file", operation=operation, path=first, hint="name two files that do not exist"
        )


def publish(temporary: str, final: str, *, number_it: bool) -> str:
    """Sync a verified copy and give it its final name, never over a file that is there: link fails where rename would
    replace. Returns the name. Raises OSError.

    number_it: take the next free numbered name instead of failing where another process took the name meanwhile.
    """
    make_durable(temporary)
    base = final
    number = 1
    while True:
        try:
            os.link(temporary, final)
            break
        except FileExistsError:
            if not number_it:
                raise
            number += 1
            final = f"{base.removesuffix('.db')}_{number}.db"
        except OSError:  # a file system without hard links
            if os.path.lexists(final):
                raise
            os.rename(temporary, final)
            break
    remove(temporary)
    make_durable(final)
    return final


def remove(path: str) -> None:
    """Remove a temporary file and what SQLite made beside it."""
    for leftover in (path, *(path + suffix for suffix in COMPANIONS)):
        with suppress(OSError):
            os.unlink(leftover)


def remove_leftovers(folder: str) -> None:
    """Remove unfinished copies in `folder` whose process was killed."""
    for name in os.listdir(folder):
        stem, mark, _ = name.partition(_UNFINISHED)
        process = stem.split(".")[-2] if mark and stem.count(".") >= 2 else ""
        path = os.path.join(folder, name)
        with suppress(OSError):
            old = time.time() - os.stat(path).st_mtime > _LEFTOVER_SECONDS
            if process.isdigit() and old and not _alive(int(process)):
                os.unlink(path)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
