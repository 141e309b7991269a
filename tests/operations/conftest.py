"""A migrated pair of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import ragkernel

from ..core.pairs import split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[ragkernel.SqlService]:
    """A migrated service over two new files with the settings for tests, closed after the test."""
    config = split(tmp_path, app_pool_size=3, events_pool_size=2)
    with ragkernel.open(config.app_db_path, config) as service:
        yield service
