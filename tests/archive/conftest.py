"""An archive for tests that make others of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import ragkernel

from .bases import make_base

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def archive(tmp_path: Path, service: ragkernel.SqlService) -> Path:
    """An archive of two documents with three chunks, whose base is in the database."""
    make_base(service, [["one", "two"], ["three"]])
    ragkernel.export_kb(service, "notes", tmp_path / "good.zip")
    return tmp_path / "good.zip"
