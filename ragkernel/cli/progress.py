"""What a person at a terminal sees of a long job, and how Ctrl-C ends it between two files."""

from __future__ import annotations

import math
import os
import shutil
import signal
import sys
import threading
import time
import unicodedata
from typing import TYPE_CHECKING

from .output import counted, shown, size

if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Self

    from ragkernel.ingestion import IngestReport

_INTERVAL_S = 0.1  # between two rewrites of the line


def line_of(report: IngestReport) -> str:
    """How far a run is, in one line: files, chunks, bytes and, where they are known, their totals and the time left."""
    files, read = counted(report.files, "file"), size(report.size_bytes)
    if report.total_files:
        files = f"{report.files}/{counted(report.total_files, 'file')}"
    if report.total_bytes:
        read += f" of {size(report.total_bytes)}"
    rate = report.size_bytes / report.seconds if report.seconds else 0.0
    parts = [files, f"{counted(report.chunks, 'chunk')} stored", read, f"{size(int(rate))}/s"]
    if report.seconds_left is not None:
        parts.append(f"{duration(report.seconds_left)} left")
    return f"{', '.join(parts)}  {shown(report.path, keep='')}"


def duration(seconds: float) -> str:
    """A time to wait in its two largest units, rounded up to whole seconds: `3 min 20 s`."""
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole // 60 % 60} min"


def fitted(line: str, columns: int) -> tuple[str, int]:
    """As much of `line` as fits into so many columns of a terminal, and how many it takes: an ideograph takes two, a
    character that is drawn over the one before none."""
    taken = 0
    for at, character in enumerate(line):
        width = 1
        if not character.isascii():
            drawn_over = unicodedata.category(character) in ("Mn", "Me", "Cf")
            width = 0 if drawn_over else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if taken + width > columns:
            return line[:at], taken
        taken += width
    return line, taken


class Progress:
    """A line on standard error that is rewritten while a long job runs; nothing where that is no terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._next = 0.0
        self._drawn = 0

    def show(self, report: IngestReport) -> None:
        """Show how far the run is, at most ten times a second."""
        if not self.due():
            return
        self._draw(line_of(report))

    def show_rows(self, step: str, done: int, total: int) -> None:
        """Show how many rows of an archive are done, at most ten times a second. step: what is done to them."""
        if self.due():
            self._draw(f"{step}: {done} of {counted(total, 'row')}")

    def due(self) -> bool:
        """Whether the line is to be rewritten now."""
        now = time.monotonic()
        if not self._live or now < self._next:
            return False
        self._next = now + _INTERVAL_S
        return True

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._draw("")
            sys.stderr.write("\r")
            sys.stderr.flush()

    def _draw(self, line: str) -> None:
        line, columns = fitted(line, shutil.get_terminal_size().columns - 1)
        sys.stderr.write("\r" + line + " " * (self._drawn - columns))
        sys.stderr.flush()
        self._drawn = columns


class Interrupt:
    """Inside its scope the first Ctrl-C only asks: `check` raises KeyboardInterrupt, between two files or batches.

    The second one raises at once. Where SIGINT is ignored (a job in the background) it stays ignored.
    """

    def __init__(self, when: str = "after this file") -> None:
        self._when = when  # that it stops, as the person at the terminal is told
        self._asked = False
        self._former: signal._HANDLER = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._former = signal.getsignal(signal.SIGINT)
            if self._former is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, self._ask)
        return self

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        if os.isatty(2):
            os.write(2, f"\nstopping {self._when}; Ctrl-C again stops at once\n".encode())

    def check(self) -> None:
        """Raises KeyboardInterrupt where it was asked for."""
        if self._asked:
            raise KeyboardInterrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)
