"""Two ingests of one base in two processes: the second is refused while the first lives, and follows one that died."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from .command import environment, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLDING = """
import sys, ragkernel

def hold(report):
    print(report.run_id, flush=True)
    sys.stdin.readline()

with ragkernel.open(sys.argv[1]) as service:
    report = ragkernel.ingest(service, sys.argv[2], kb="x", progress=hold)
    print(report.added, flush=True)
"""


class Held(NamedTuple):
    """An ingest in a process of its own that waits for a line after its first file. run_id: of its run."""

    process: subprocess.Popen[str]
    run_id: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file in `text`; `x.db` beside it is not there yet."""
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.md").write_text("# A\n\ntext\n")
    return tmp_path


@contextmanager
def held(folder: Path) -> Iterator[Held]:
    """An ingest that is inside of its run; killed at the end if it is still there."""
    command = [sys.executable, "-W", "error", "-c", HOLDING, str(folder / "x.db"), str(folder / "text")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True
    ) as process:
        assert process.stdout
        try:
            yield Held(process, process.stdout.readline().strip())
        finally:
            process.kill()


def state(folder: Path, run_id: str) -> tuple[str, str | None]:
    row = run("show", run_id, "--app-db", folder / "x.db", "--json").json
    return row["status"], row["error_message"]


def test_a_second_ingest_is_refused_while_the_first_lives(folder: Path) -> None:
    """The error names the process, since when it runs and its run, code 1; the first goes on and completes.

    first process:   | begin, read a.md, wait for a line …                    | store, end |
    second process:                              | begin → refused |
    """
    with held(folder) as first:
        assert first.process.stdin
        assert first.process.stdout
        words = ("ingest", folder / "text", "--kb", "x", "--app-db", folder / "x.db")
        done = run(*words)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert f"process {first.process.pid} is building 'x' since 2" in done.err
        assert first.run_id in done.err
        assert run(*words, "--json").json["error"]["type"] == "TransactionFailed"
        status = run("status", "--app-db", folder / "x.db").out
        assert [line.split()[:2] for line in status.splitlines() if first.run_id in line] == [["running", "now"]]
        first.process.stdin.write("\n")
        first.process.stdin.flush()
        assert first.process.stdout.readline() == "1\n"
        assert first.process.wait(60) == 0
    assert state(folder, first.run_id) == ("completed", None)


@pytest.mark.parametrize("waited_for", [True, False])
def test_a_killed_ingest_is_followed_by_the_next(folder: Path, waited_for: bool) -> None:
    """After kill -9, also before anybody has waited for it, status says so without writing; the next run goes on.

    first process:   | begin, read a.md, wait … killed
    second process:                                    | status | begin (the first is failed), store, end |
    """
    with held(folder) as first:
        first.process.kill()
        if waited_for:
            first.process.wait(60)
        else:  # it is dead, and stays in the table of processes
            os.waitid(os.P_PID, first.process.pid, os.WEXITED | os.WNOWAIT)
        done = run("status", "--app-db", folder / "x.db")
        assert "interrupted (its process is gone)  ingest:x since " in done.out
        assert run("status", "--app-db", folder / "x.db", "--json").json["running"][0]["owner"] == "gone"
        assert state(folder, first.run_id) == ("running", None)
        assert run("ingest", folder / "text", "--kb", "x", "--app-db", folder / "x.db", "--json").json["added"] == 1
    assert state(folder, first.run_id) == ("failed", "a later run of this base took over")
