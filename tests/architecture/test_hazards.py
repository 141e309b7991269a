"""The table of hazards names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
TABLE = (TESTS / "HAZARDS.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", TABLE, flags=re.MULTILINE)


def test_every_row_names_a_test_that_exists() -> None:
    """Each place named in the last column is a file, a folder with tests, or a function of a file."""
    assert len(ROWS) >= 30
    for number, places in ROWS:
        names = re.findall(r"`([^`]+)`", places)
        assert names, number
        for name in names:
            file, _, function = name.partition("::")
            path = TESTS / file
            if path.is_dir():
                assert list(path.glob("test_*.py")), name
            else:
                assert f"def {function}" in path.read_text(encoding="utf-8"), name


def test_the_hazards_that_the_code_names_are_in_the_table() -> None:
    """Every "hazard 5" in the sources is a row."""
    known = {int(number) for number, _ in ROWS}
    named: set[int] = set()
    for folder in ("ragkernel", "codegen", "tests"):
        for path in (TESTS.parent / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for found in re.findall(r"hazards? (\d+(?:(?:, | and | to )\d+)*)", text):
                named |= {int(number) for number in re.findall(r"\d+", found)}
    assert named
    assert named <= known, sorted(named - known)
