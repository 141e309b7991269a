"""What a rule of the house is.

A rule is a function from a source to offences `(line, what)`. The offending examples beside it prove that it can fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .sources import Source

    Offences = Iterator[tuple[int, str]]


class Example(NamedTuple):
    """A file that breaks a rule."""

    path: str
    text: str


class Rule(NamedTuple):
    """A rule, the reason for it, and examples that break it."""

    name: str
    reason: str
    check: Callable[[Source], Offences]
    broken: tuple[Example, ...]


def in_runtime(source: Source) -> bool:
    """Whether the file is part of what is installed for users."""
    return source.path.parts[0] == "ragkernel"


def in_core(text: str) -> Example:
    """A file of core with this text."""
    return Example("ragkernel/core/pool.py", text)


def in_service(text: str) -> Example:
    """The service's file with this text."""
    return Example("ragkernel/service.py", text)
