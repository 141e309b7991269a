"""Strings in double quotes: SQLite takes `"x"` for a string where nothing is called x, silently. Reading the input
notes them; lint tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Note
from .findings import Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

QUOTED = Rule(
    "double-quoted-string",
    "a name in double quotes that names nothing",
    "SQLite takes it for a string: a misspelt column compares with its own name and nobody hears of it",
    "https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted",
)


def check(notes: Iterable[object]) -> Iterator[Finding]:
    """The notes of this kind as findings."""
    for note in notes:
        if isinstance(note, Note) and note.rule == "double-quoted":
            quoted = note.message.partition(" ")[0]
            yield Finding(note.file, note.line, note.column, QUOTED.name, quoted, note.message, note.hint)
