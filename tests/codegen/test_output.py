"""The output folder after a kill, and with several generators at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from codegen import output
from codegen.__main__ import main
from codegen.errors import GenerationError
from codegen.pipeline import Source, generate

ROOT = Path(__file__).parents[2]


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.sql"
    path.write_text("CREATE TABLE one (id INTEGER PRIMARY KEY);\n")
    return path


def test_what_a_killed_run_left_is_removed(schema: Path, tmp_path: Path) -> None:
    """A file under a temporary name, which a run that was killed left behind, is in nobody's way."""
    out = tmp_path / "out"
    files = generate(Source((schema,)))
    output.write(files, out)
    (out / ".models.py.4711.tmp").write_bytes(b"")
    (out / "queries" / ".one.py.4711.tmp").write_text("half")
    assert sorted(output.write(files, out)) == [".models.py.4711.tmp", "queries/.one.py.4711.tmp"]
    assert output.check(files, out) == []


def test_what_others_left_is_not(schema: Path, tmp_path: Path) -> None:
    """A file that only looks temporary is refused like any other that the generator did not write."""
    out = tmp_path / "out"
    files = generate(Source((schema,)))
    output.write(files, out)
    (out / "notes.tmp").write_text("mine")
    with pytest.raises(GenerationError, match="did not write this file"):
        output.write(files, out)
    assert (out / "notes.tmp").read_text() == "mine"


def test_several_generators_leave_the_output_of_one(schema: Path, tmp_path: Path) -> None:
    """Processes that write different packages into one folder at once all succeed, and the last one's stands whole."""
    other = tmp_path / "other.sql"
    other.write_text("CREATE TABLE two (id INTEGER PRIMARY KEY);\nCREATE TABLE three (id INTEGER PRIMARY KEY);\n")
    out = tmp_path / "out"
    assert main(["--schema", str(schema), "--out", str(out)]) == 0
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "codegen", "--schema", str(path), "--out", str(out)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for path in (schema, other) * 3
    ]
    errors = [one.communicate()[1] for one in running]
    assert [one.returncode for one in running] == [0] * 6, errors
    found = [output.check(generate(Source((path,))), out) for path in (schema, other)]
    assert [] in found
