"""Where migrations lie: one folder of NNNN_name.up.sql and .down.sql, or such a folder for each part of the schema, all
with one sequence of numbers. A part without a folder (tables that the application makes in every file before its
first migration) is under the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import GenerationError
from ..reading import sources
from ..reading.tokens import Statement, split
from .building import statements_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..reading.sources import Script

_UP, _DOWN = ".up.sql", ".down.sql"
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class History:
    """The migrations of one database. part: "" where the folder is the whole schema's. base: statements that are run
    before the first of them. wanted: the statements of schema.sql that they are to build."""

    part: str
    folder: Path
    base: tuple[Statement, ...]
    scripts: tuple[Script, ...]
    wanted: tuple[Statement, ...]


def read(schemas: Sequence[Path], folder: Path, parts: Sequence[str]) -> list[History]:
    """The histories under a folder: of these parts, of every part that has a folder where none is named.

    Raises GenerationError for a part that is not there, a number that two files of one folder share, a migration
    without its way down, and a file that cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise GenerationError("a folder of migrations is to stand here", file=str(folder))
    statements: dict[str, list[Statement]] = {}
    for script in sources.read(schemas):
        for part, statement in _by_part(script.text, script.name):
            statements.setdefault(part, []).append(statement)
    for part in parts:
        if part not in statements:
            known = ", ".join(name for name in statements if name) or "none"
            raise GenerationError(f"there is no part {part}", file=str(schemas[0]), hint=f"its parts: {known}")
    homes = [part for part in statements if part and (folder / part).is_dir()]
    homes += [part for part in parts if part not in homes]
    if not homes:
        every = tuple(statement for some in statements.values() for statement in some)
        return [History("", folder, (), scripts(folder), every)]
    base = tuple(statement for part, some in statements.items() if part not in homes for statement in some)
    return [
        History(part, folder / part, base, scripts(folder / part), tuple(statements[part]))
        for part in homes
        if not parts or part in parts
    ]


def scripts(folder: Path) -> tuple[Script, ...]:
    """The ways up in order of their numbers; in a folder of another tool's layout as `sources` reads it."""
    if not folder.is_dir():
        return ()
    numbered: dict[int, Path] = {}
    files = sorted(folder.iterdir())
    if not any(path.name.endswith(_UP) for path in files):
        return tuple(sources.read([folder])) if sources.migrations(folder) else ()
    for path in files:
        if not path.name.endswith(_UP):
            continue
        number = _NUMBER.match(path.name)
        if number is None:
            raise GenerationError("a migration's name begins with its number", file=str(path))
        if int(number[0]) in numbered:
            raise GenerationError(f"two migrations have number {int(number[0])}", file=str(path))
        if not path.with_name(path.name.removesuffix(_UP) + _DOWN).exists():
            raise GenerationError(f"there is no {path.name.removesuffix(_UP)}{_DOWN}", file=str(path))
        numbered[int(number[0])] = path
    return tuple(sources.script(numbered[number]) for number in sorted(numbered))


def before(history: History) -> list[Statement]:
    """What builds the schema so far."""
    return [*history.base, *statements_of(history.scripts)]


def after(history: History) -> list[Statement]:
    """What builds the schema that is wanted."""
    return [*history.base, *history.wanted]


def writable(history: History) -> None:
    """Raise GenerationError where the migrations so far are of a layout in which none can be written."""
    other = next((script for script in history.scripts if not script.name.endswith(_UP)), None)
    if other is not None:
        hint = "--check compares them; to write, they have to be named NNNN_name.up.sql and NNNN_name.down.sql"
        raise GenerationError("these migrations are of another tool's layout", file=other.name, hint=hint)


def next_number(folder: Path) -> tuple[int, int]:
    """The first free number under a folder, its subfolders too, and how many digits numbers have there."""
    found = [number[0] for path in folder.rglob("*.sql") if (number := _NUMBER.match(path.name))]
    return max(map(int, found), default=0) + 1, max(map(len, found), default=4)


def _by_part(text: str, file: str) -> list[tuple[str, Statement]]:
    part = ""
    found = []
    for statement in split(text, file):
        for token in statement.above:
            words = token.text[2:].split()
            if token.text.startswith("--") and len(words) == 2 and words[0] == "part:":
                part = words[1]
        found.append((part, statement))
    return found
