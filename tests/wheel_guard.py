"""A pytest plugin for `make test-wheel`: only the installed wheel is tested, in an environment without extras."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def pytest_configure() -> None:
    """Refuses to run where ragkernel comes from a source tree, or where the generator's dependencies are at hand."""
    spec = importlib.util.find_spec("ragkernel")
    if (
        spec is None
        or spec.origin is None
        or not Path(spec.origin).resolve().is_relative_to(Path(sys.prefix).resolve())
    ):
        raise pytest.UsageError(f"ragkernel is not the installed wheel: {spec}")
    present = [name for name in ("jinja2", "codegen") if importlib.util.find_spec(name)]
    if present:
        raise pytest.UsageError(f"the environment is not one without extras: {present}")
