"""Which thread is which. The number that the system gives a thread is given again when the thread has ended; the number
of a token is not, and the token tells when its thread ends."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .writer import FileWriter

_numbers = itertools.count(1)
_local = threading.local()


class ThreadToken:
    """Stands for a living thread, whose local storage holds the only lasting reference to it.

    number: never used again in this process. ident: threading's. writers: those whose queue the thread holds; a thread
    that ends inside a write scope leaves them.
    """

    __slots__ = ("ident", "number", "writers")

    def __init__(self) -> None:
        self.number = next(_numbers)
        self.ident = threading.get_ident()
        self.writers: set[FileWriter] = set()

    def __del__(self) -> None:
        for writer in tuple(self.writers):
            writer.abandon(self.number)


def current() -> ThreadToken:
    """The token of the calling thread."""
    try:
        token: ThreadToken = _local.token
    except AttributeError:
        token = _local.token = ThreadToken()
    return token


def thread_name(ident: int) -> str:
    """The name of a living thread, for messages; its number where it has none."""
    for thread in threading.enumerate():
        if thread.ident == ident:
            return thread.name
    return str(ident)
