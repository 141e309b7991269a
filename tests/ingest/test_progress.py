"""What a report says of the time left, and the line that shows it."""

from __future__ import annotations

import pytest

from ragkernel.cli.progress import duration, fitted, line_of
from ragkernel.ingestion import IngestReport


def report(**values: float) -> IngestReport:
    made = IngestReport(kb_id="", kb_name="x", run_id="")
    for name, value in values.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("values", "left"),
    [
        ({"seconds": 2.0, "size_bytes": 100, "total_bytes": 400, "files": 9, "total_files": 10}, 6.0),
        ({"seconds": 2.0, "files": 5, "total_files": 20}, 6.0),
        ({"seconds": 2.0, "files": 20, "total_files": 20, "size_bytes": 1, "total_bytes": 9}, 0.0),
        ({"seconds": 2.0, "files": 19, "total_files": 20, "size_bytes": 11, "total_bytes": 9}, 0.0),
        ({"seconds": 0.5, "size_bytes": 100, "total_bytes": 400, "files": 1, "total_files": 10}, None),
        ({"seconds": 2.0, "total_bytes": 400, "total_files": 10}, None),
        ({"seconds": 2.0, "files": 5, "size_bytes": 100}, None),
        ({}, None),
    ],
)
def test_the_time_left_is_what_is_left_at_the_rate_so_far(values: dict[str, float], left: float | None) -> None:
    """By bytes where their total is known, else by files; 0 when all files were looked at; None while unknown."""
    made = report(**values)
    assert made.seconds_left == left
    assert made.as_dict()["seconds_left"] == left


def test_a_report_as_json_has_totals_and_what_became_of_the_version() -> None:
    """as_dict and metrics carry every count, and a run that only removed documents had something to do."""
    made = report(total_files=7, total_bytes=8, copied=1, removed=2, version=3, new_version=True, pruned=1)
    names = {"total_files": 7, "total_bytes": 8, "copied": 1, "removed": 2, "version": 3, "new_version": True}
    assert names.items() <= made.as_dict().items()
    assert names.items() <= made.metrics().items()
    assert made.as_dict()["pruned"] == 1
    assert made.as_dict()["nothing_to_do"] is False
    assert report().nothing_to_do


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (0.2, "1 s"), (59.1, "1 min 0 s"), (200, "3 min 20 s"), (3599.5, "1 h 0 min"), (90_000, "25 h 0 min")],
)
def test_durations_have_two_units(seconds: float, told: str) -> None:
    """A time to wait is told in its two largest units, rounded up."""
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("line", "columns", "shown", "taken"),
    [
        ("plain.md", 20, "plain.md", 8),
        ("plain.md", 5, "plain", 5),
        ("日本語.md", 20, "日本語.md", 9),
        ("日本語.md", 5, "日本", 4),
        ("ｗｉｄｅ", 3, "ｗ", 2),
        ("e\u0301te\u0301", 3, "e\u0301te\u0301", 3),
        ("ab", 0, "", 0),
    ],
)
def test_a_line_is_cut_by_columns(line: str, columns: int, shown: str, taken: int) -> None:
    """A line of a terminal ends where its columns do: wide characters take two, combining ones none."""
    assert fitted(line, columns) == (shown, taken)


def test_the_line_shows_totals_rate_and_time_left() -> None:
    """Files done of all, bytes of all, the rate and the time left; without totals what was done alone."""
    made = report(files=3, total_files=12, chunks=5, seconds=10.0, size_bytes=10_000, total_bytes=210_000)
    made.path = "a\nb.md"
    line = line_of(made)
    assert line.startswith("3/12 files, 5 chunks stored, ")
    assert " of " in line
    assert line.endswith("/s, 3 min 20 s left  a\\nb.md")
    made.total_files = made.total_bytes = 0
    assert line_of(made).startswith("3 files, 5 chunks stored, ")
    assert "left" not in line_of(made)
