"""The demo says what is wrong with a folder, and which files it skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ragkernel import SqlService

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.checkout


def test_a_missing_folder_is_named() -> None:
    """SRC= with a folder that is not there is one line that names it, code 2."""
    command = [sys.executable, str(ROOT / "bench" / "demo.py"), "no/such/folder"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "'no/such/folder'" in done.stderr


def test_skipped_files_are_named(service: SqlService, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first files that were skipped for a reason stand behind it."""
    from bench import demo

    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "good.md").write_text("text")
    for name in "abcd":
        (tmp_path / "text" / f"{name}.txt").write_bytes(b"\0")
    demo.ingest(service, tmp_path / "text", "x")
    assert "skipped 4: binary: it holds a NUL byte: a.txt, b.txt, c.txt, …\n" in capsys.readouterr().out
