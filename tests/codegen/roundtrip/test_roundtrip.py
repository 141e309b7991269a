"""Schemas after those found in the wild: each gives a package that imports, passes the checkers, round-trips rows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .erp import erp
from .explained import EXPLAINED, NO_ROUND_TRIP
from .public import mypy
from .report import ROUND_TRIPPED, SchemaOutcome
from .run import run

ROOT = Path(__file__).parents[3]
SCHEMAS = sorted((Path(__file__).parents[1] / "schemas").iterdir())
NAMES = [*(path.name.removesuffix(".sql") for path in SCHEMAS), "erp"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder below which all packages are generated."""
    return tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="module")
def outcomes(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, SchemaOutcome]:
    places = dict(zip(NAMES, SCHEMAS, strict=False))
    places["erp"] = tmp_path_factory.mktemp("erp") / "erp.sql"
    places["erp"].write_text(erp())
    return {name: run(name, (place,), folder) for name, place in places.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_table_round_trips(outcomes: dict[str, SchemaOutcome], name: str) -> None:
    """Whatever SQLite accepts goes in, is found, changed, paged through both ways, and out again, with the types that
    are annotated; views and virtual tables are read as they are typed."""
    assert outcomes[name].problems == []
    rest = {f"{name}.{one.table}": one.reason for one in outcomes[name].tables if one.status != ROUND_TRIPPED}
    assert rest == {key: reason for key, reason in NO_ROUND_TRIP.items() if key.startswith(f"{name}.")}


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_of_nullability_is_what_sqlite_accepts(outcomes: dict[str, SchemaOutcome], name: str) -> None:
    """A column without `| None` never holds NULL; one with it takes NULL, or it is explained why no row does."""
    outcome = outcomes[name]
    assert outcome.nullabilities >= sum(one.status == ROUND_TRIPPED for one in outcome.tables)
    assert outcome.unsound == []
    found = {one.partition(" is claimed")[0] for one in outcome.wide}
    assert found == {key.removeprefix(f"{name}:") for key in EXPLAINED if key.startswith(f"{name}:")}


def test_nearly_all_tables_round_trip(outcomes: dict[str, SchemaOutcome]) -> None:
    """At least 95 of 100 tables, and 15 schemas."""
    tables = [table for outcome in outcomes.values() for table in outcome.tables]
    assert len(outcomes) >= 15
    assert sum(table.status == ROUND_TRIPPED for table in tables) >= 0.95 * len(tables)


def test_types_of_all_packages(outcomes: dict[str, SchemaOutcome], folder: Path) -> None:
    """The output of every schema passes mypy --strict."""
    pytest.importorskip("mypy")
    assert len(outcomes) == len(NAMES)
    assert mypy(folder) == ""


@pytest.mark.parametrize("command", [["format", "--check"], ["check", "--extend-ignore", "E501,A,RUF012"]])
def test_form_of_all_packages(outcomes: dict[str, SchemaOutcome], folder: Path, command: list[str]) -> None:
    """The output of every schema is formatted, and clean."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        pytest.skip("ruff is not installed")
    assert len(outcomes) == len(NAMES)
    options = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    found = subprocess.run([ruff, *command, *options, str(folder)], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
