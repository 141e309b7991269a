"""What all rooms' tests share: the settings of the property tests, and an open service."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ragkernel

NOBODY = 65534

# The same examples on every machine and run; no deadline, because a busy machine is no failure.
# `--hypothesis-profile=explore` searches further.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("same")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ragkernel.SqlService]:
    """A migrated service over an empty file with the settings for tests, closed after the test."""
    import ragkernel

    config = ragkernel.SqlConfig.test(tmp_path)
    with ragkernel.open(config.app_db_path, config) as opened:
        yield opened


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of its own, as a user whom permissions bind: root, whom they do not, becomes nobody for a while."""
    folder = Path(tempfile.mkdtemp())
    was = os.geteuid()
    if was == 0:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(was)
        shutil.rmtree(folder)
