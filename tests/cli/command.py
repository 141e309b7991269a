"""The command in a process of its own, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import ragkernel

HOME = str(Path(ragkernel.__file__).parents[1])
COMMAND = [sys.executable, "-W", "error", "-m", "ragkernel"]


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without ragkernel's variables, with the tested package in reach, and `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGKERNEL_")}
    return {**kept, "PYTHONPATH": HOME, "PYTHONIOENCODING": "utf-8", **variables}


def run(*words: str | Path, cwd: Path | None = None, **variables: str) -> Done:
    """Run the command with these words and wait for its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)
