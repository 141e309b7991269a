"""What the tests of split mode share: pairs of files, their marks, everything that stands in a folder."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import ragkernel

if TYPE_CHECKING:
    from pathlib import Path


def split(folder: Path, **changes: Any) -> ragkernel.SqlConfig:
    """The configuration of a pair app_meta.db and events.db in `folder`, with the settings for tests."""
    settings = {"mmap_size": 0, "cache_size_kib": 1000, **changes}
    config = ragkernel.SqlConfig.test(folder, **settings)
    return config.replace(events_db_path=folder / "events.db", use_split_databases=True)


def make_pair(folder: Path, **changes: Any) -> ragkernel.SqlConfig:
    """A migrated and closed pair in the new folder."""
    folder.mkdir(exist_ok=True)
    config = split(folder, **changes)
    ragkernel.open(config.app_db_path, config).close()
    return config


def state(path: Path) -> dict[str, str]:
    """The kernel's own facts about a file that nobody has open; empty where there are none."""
    if not path.exists():
        return {}
    connection = sqlite3.connect(path)
    known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'kernel_state'").fetchone()
    rows = dict(connection.execute("SELECT key, value FROM kernel_state")) if known else {}
    connection.close()
    return rows


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder; for databases that nobody has open."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
