"""Stand-ins for what an application adds to its SQLite: functions and collations that the schema names and the
generator's own connection has not. They let SQLite parse and check the schema; nothing calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_FUNCTION = "no such function: "
_ARGUMENTS = "wrong number of arguments to function "
_WINDOW = " may not be used as a window function"
_COLLATION = "no such collation sequence: "


def _nothing(*_: object) -> None:
    """The stand-in of a function."""


class _NoAggregate:
    """The stand-in of an aggregate and window function."""

    def step(self, *_: object) -> None: ...
    def inverse(self, *_: object) -> None: ...
    def value(self) -> None: ...
    def finalize(self) -> None: ...


def _by_text(left: str, right: str) -> int:
    return (left > right) - (left < right)


def stand_in(connection: sqlite3.Connection, error: sqlite3.Error, tried: set[str] | None = None) -> str | None:
    """Give the connection what the error says that it lacks; what that was ("the function soundex"), or None where the
    error is another one. The statement can then be tried again. tried: the messages for which that was done
    already, so that what no stand-in helps is not tried for ever."""
    message = str(error)
    if tried is not None:
        if message in tried:
            return None
        tried.add(message)
    if message.startswith(_FUNCTION):
        name = message[len(_FUNCTION) :]
        connection.create_function(name, -1, _nothing, deterministic=True)
        return f"the function {name}"
    if message.startswith(_ARGUMENTS):
        name = message[len(_ARGUMENTS) :].removesuffix("()")
        connection.create_function(name, -1, _nothing, deterministic=True)
        return f"the function {name} with so many arguments"
    if message.endswith(_WINDOW):
        name = message[: -len(_WINDOW)].removesuffix("()")
        if hasattr(connection, "create_window_function"):
            connection.create_window_function(name, -1, _NoAggregate)
            return f"the window function {name}"
    if message.startswith(_COLLATION):
        name = message[len(_COLLATION) :]
        connection.create_collation(name, _by_text)
        return f"the collation {name}"
    return None
