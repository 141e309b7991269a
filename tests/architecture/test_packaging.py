"""What pyproject.toml says about the package is what stands in the folders."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

import ragkernel

from .sources import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_listed() -> None:
    """A folder of Python files that setuptools is not told about would be missing in the wheel."""
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "ragkernel").rglob("*.py")}
    folders |= {path.parent.relative_to(ROOT) for path in (ROOT / "codegen").rglob("*.py")}
    packages = {".".join(folder.parts).replace("codegen", "ragkernel_codegen", 1) for folder in folders}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages
    assert all((ROOT / folder / "__init__.py").exists() for folder in folders)


def test_every_data_file_is_matched() -> None:
    """Each SQL file and template is matched by a pattern of package-data."""
    data = PROJECT["tool"]["setuptools"]["package-data"]
    for package, folder in (("ragkernel", ROOT / "ragkernel"), ("ragkernel_codegen", ROOT / "codegen")):
        matched = {path for pattern in data[package] for path in folder.glob(pattern)}
        files = {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        assert {path for path in files if path.suffix != ".py"} == matched


def test_there_is_one_version() -> None:
    """The package, pyproject.toml and the newest heading of the changelog agree."""
    assert PROJECT["project"]["version"] == ragkernel.__version__
    headings = re.findall(r"^## \[?([^]\s]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert next(name for name in headings if name != "Unreleased") == ragkernel.__version__


def test_the_runtime_depends_on_nothing() -> None:
    """dependencies is there and empty; what the generator, tests and benchmarks need are extras."""
    assert PROJECT["project"]["dependencies"] == []
    assert {"gen", "test", "bench", "dev"} <= set(PROJECT["project"]["optional-dependencies"])


@pytest.mark.parametrize(
    "target", ["setup", "gen", "check-gen", "check-migrations", "lint", "type", "test", "test-all", "bench", "demo"]
)
def test_help_names_every_target(target: str) -> None:
    """Each target of the Makefile carries the sentence that `make help` prints."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:.* ## \S", makefile, re.MULTILINE)
