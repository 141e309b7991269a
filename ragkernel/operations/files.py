"""Files that appear under their name only when they are whole: temporary names, publishing, what a kill left behind."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from ragkernel.clock import new_id
from ragkernel.core.copy import make_durable

# What a copy that is not verified yet is called: hidden, and not *.db. The number is of the process that makes it.
_UNFINISHED = ".unfinished"

# How long an unfinished copy of a process that is gone must lie untouched before it is removed, in seconds: its process
# may live on another machine that shares the folder.
_LEFTOVER_SECONDS = 60.0


def make_folder(folder: str) -> None:
    """Create a folder that only its owner may read (0700), if there is none. Raises OSError."""
    os.makedirs(folder, mode=0o700, exist_ok=True)


def temporary_name(final: str) -> str:
    """A name beside `final` for the time until it is whole."""
    folder, name = os.path.split(os.path.abspath(final))
    return os.path.join(folder, f".{name}.{os.getpid()}.{new_id()}{_UNFINISHED}")


def free_name(folder: str, stem: str) -> str:
    """`stem`.db in `folder`, or `stem`_2.db and so on where that name is taken."""
    path = os.path.join(folder, f"{stem}.db")
    number = 1
    while os.path.lexists(path):
        number += 1
        path = os.path.join(folder, f"{stem}_{number}.db")
    return path


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
    for leftover in (path, path + "-journal", path + "-wal", path + "-shm"):
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
