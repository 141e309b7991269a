"""What all tests of the generator share: a test file's generated packages end with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def packages_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget what a test file imported from temporary folders: a package of the same name in another file would be
    taken from there, as `generated_columns` of test_types_of_columns.py from the round trip."""
    yield
    folder = str(tmp_path_factory.getbasetemp())
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(folder):
            del sys.modules[name]
