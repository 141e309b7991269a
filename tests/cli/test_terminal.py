"""Ctrl-C and progress, with real processes, signals and terminals."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ragkernel.cli.progress import Interrupt
from ragkernel.ingestion import storing

from .command import COMMAND, environment, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


needs_leases = pytest.mark.skipif(not hasattr(fcntl, "F_SETLEASE"), reason="leases are Linux's")


@pytest.fixture
def wake() -> Iterator[signal.Signals]:
    """A signal that is held back, to be waited for."""
    number = signal.SIGUSR2
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    yield number
    signal.pthread_sigmask(signal.SIG_SETMASK, former)


def start_and_stop_at(folder: Path, path: Path, wake: signal.Signals, *words: str) -> tuple[int, str, str]:
    """Run ingest over `folder`, send SIGINT while it opens `path`, and return how it ended.

    A lease on the file (fcntl(2), F_SETLEASE) holds the command in open() and tells us that it is there:

    test:     | lease on path, start | wait for the signal |          SIGINT | release the lease | wait for the end
    command:                         | reads, stores, opens path … (waits in open)               | ends
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, wake)
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError as error:
            pytest.skip(f"no leases on this file system: {error.strerror}")
        process = subprocess.Popen(
            [*COMMAND, "ingest", str(folder / "text"), "--kb", "x", "--app-db", str(folder / "x.db"), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
            # A test runner in the background is started with SIGINT ignored, and hands that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert signal.sigtimedwait({wake}, 60) is not None, process.communicate()
        process.send_signal(signal.SIGINT)
    finally:
        os.close(descriptor)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder with one batch of small files and one more, and nothing stored yet."""
    (tmp_path / "text").mkdir()
    for number in range(storing.BATCH_DOCUMENTS):
        (tmp_path / "text" / f"{number:04}.md").write_text(f"number {number}\n")
    (tmp_path / "text" / "last.md").write_text("the last\n")
    return tmp_path


@needs_leases
def test_ctrl_c_ends_between_two_files(many: Path, wake: signal.Signals) -> None:
    """SIGINT while a file is read: code 130, one line, run cancelled, what was stored stays, the next run goes on."""
    code, out, err = start_and_stop_at(many, many / "text" / "last.md", wake)
    assert (code, out) == (130, "")
    assert err == f"ragkernel: interrupted; {storing.BATCH_DOCUMENTS} documents were stored, run it again to go on\n"
    (cancelled,) = run("list", "runs", "--app-db", many / "x.db", "--json").json["items"]
    assert (cancelled["status"], cancelled["error_message"]) == ("cancelled", "interrupted")
    assert run("list", "kbs", "--app-db", many / "x.db", "--json").json["items"][0]["status"] == "building"
    done = run("ingest", many / "text", "--kb", "x", "--app-db", many / "x.db", "--json")
    assert (done.json["resumed"], done.json["added"]) == (storing.BATCH_DOCUMENTS, 1)
    assert run("list", "kbs", "--app-db", many / "x.db", "--json").json["items"][0]["status"] == "active"


@needs_leases
def test_ctrl_c_as_json(many: Path, wake: signal.Signals) -> None:
    """With --json an interrupted run is one JSON document too."""
    code, out, err = start_and_stop_at(many, many / "text" / "0003.md", wake, "--json")
    assert (code, err) == (130, "")
    assert '"type": "Interrupted"' in out
    assert '"exit_code": 130' in out


# Ctrl-C at a certain moment: the interpreter runs this at its start, and when MODULE is first looked for, it comes.
EARLY = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test runner in the background hands "ignored" on

class Early:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == os.environ["MODULE"]:
            sys.meta_path.remove(Early)
            exec("signal.raise_signal(signal.SIGINT)")  # as while a named tuple is made

sys.meta_path.insert(0, Early)
"""


@pytest.mark.parametrize("module", ["ragkernel.cli", "argparse", "ragkernel.errors", "ragkernel.cli.tasks"])
@pytest.mark.parametrize("as_script", [False, True])
def test_ctrl_c_while_modules_are_loaded(tmp_path: Path, module: str, as_script: bool) -> None:
    """SIGINT before the command has begun: code 130 and one line, or one JSON document, from `-m` and the script."""
    (tmp_path / "sitecustomize.py").write_text(EARLY)
    script = tmp_path / "ragkernel"
    script.write_text("import sys; from ragkernel.__main__ import main; sys.exit(main())")
    variables = environment(MODULE=module)
    variables["PYTHONPATH"] = os.pathsep.join((str(tmp_path), variables["PYTHONPATH"]))
    words = [*([sys.executable, str(script)] if as_script else COMMAND), "info", "--app-db", str(tmp_path / "none.db")]
    done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "ragkernel: interrupted\n")
    done = subprocess.run([*words, "--json"], env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
    error = {"type": "Interrupted", "message": "interrupted", "hint": "", "exit_code": 130}
    assert json.loads(done.stdout) == {"error": error}


@pytest.fixture
def heeded() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also in a test runner that was started in the background, which ignores it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("heeded")
def test_the_second_ctrl_c_does_not_wait() -> None:
    """The first SIGINT asks, `check` answers; a second one raises at once; the former handler comes back."""
    former = signal.getsignal(signal.SIGINT)
    with Interrupt() as interrupt:
        interrupt.check()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is former


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    """A job that a shell started in the background ignores SIGINT, and goes on doing so."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupt() as interrupt:
            signal.raise_signal(signal.SIGINT)
            interrupt.check()
    finally:
        signal.signal(signal.SIGINT, former)


def test_progress_is_one_line_on_a_terminal(many: Path) -> None:
    """On a terminal a line is rewritten and in the end taken away; standard output holds the summary alone."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*COMMAND, "ingest", str(many / "text"), "--kb", "x", "--app-db", str(many / "x.db")],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=environment(),
            text=True,
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux: the last holder of the other end has closed it
                break
            if not part:
                break
            shown += part
        out, _ = process.communicate(timeout=60)
    finally:
        os.close(ours)
    assert out.startswith(f"x version 1: {storing.BATCH_DOCUMENTS + 1} added")
    assert f"/{storing.BATCH_DOCUMENTS + 1} files, ".encode() in shown
    assert b" chunks stored, " in shown
    assert b"/s" in shown
    assert b"\n" not in shown
    assert shown.endswith(b"\r")
