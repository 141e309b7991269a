"""A store that the command made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .command import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts in `text` and a database `app_meta.db` that holds them as `handbook`; for reading only."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "text").mkdir()
    for number in range(12):
        (folder / "text" / f"{number:02}.md").write_text(f"# Title {number}\n\nText of number {number}.\n")
    (folder / "text" / "long.txt").write_text("A sentence that repeats. " * 600)
    done = run("ingest", folder / "text", "--kb", "handbook", "--app-db", folder / "app_meta.db")
    assert (done.code, done.err) == (0, "")
    return folder
