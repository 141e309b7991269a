"""The text of a migration, and its two files: both are there at the end, or neither."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

from ..errors import GenerationError
from .losses import LOST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .planning import Plan

_WIDTH = 120
_HOW = (
    "It belongs into one transaction, with foreign_keys off before that begins: where they are on, dropping a table"
    " that is rebuilt would delete the rows that refer to it. By hand:"
    " sqlite3 -bail DATABASE BEGIN '.read FILE' 'PRAGMA foreign_key_check' COMMIT"
)


def render(title: str, changes: Sequence[str], plan: Plan, *, down: bool) -> str:
    """The text of one direction. title: its first line, which a ledger keeps as the migration's description."""
    lines = _comment(title)
    lines += [line for change in changes for line in _comment(change, "  ")]
    lines.append("--")
    lines += _comment(_HOW)
    if plan.lost or (down and plan.filled):
        lines.append("--")
        if down:
            lines += _comment("The way down makes again what stood before, but not the data that the way up lost.")
        for one in plan.lost:
            lines += _comment(f"{'LOST' if one.kind == LOST else 'CAN FAIL on'}: {one.what}", "  ")
    for (table, column), value in plan.filled.items() if down else ():
        lines += _comment(f"MADE UP: {table}.{column} is {value} in every row", "  ")
    text = "\n".join(lines) + "\n\n"
    for step in plan.steps:
        if step.comment:
            text += "\n" + (step.comment if step.comment.startswith("--") else "\n".join(_comment(step.comment))) + "\n"
        text += f"{step.sql};\n"
    return text.replace("\n\n\n", "\n\n")


def _comment(text: str, indent: str = "") -> list[str]:
    """Comment lines. Continuations of an indented one are indented further."""
    more = indent + "  " if indent else ""
    lines = textwrap.wrap(" ".join(text.split()), _WIDTH - 3, initial_indent=indent, subsequent_indent=more)
    return [f"-- {line}" for line in lines]


def write(folder: Path, stem: str, up: str, down: str) -> tuple[Path, Path]:
    """Write NNNN_name.up.sql and .down.sql; their paths. Raises GenerationError, and writes nothing, where one of them
    is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    finals = (folder / f"{stem}.down.sql", folder / f"{stem}.up.sql")
    temporary = [path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in finals]
    done: list[Path] = []
    try:
        for path, text in zip(temporary, (down, up), strict=True):
            path.write_bytes(text.encode())
        for path, final in zip(temporary, finals, strict=True):
            _put(path, final)
            done.append(final)
    except BaseException:
        for final in done:
            final.unlink()
        raise
    finally:
        for path in temporary:
            path.unlink(missing_ok=True)
    return finals[1], finals[0]


def _put(path: Path, final: Path) -> None:
    """Give a file its final name, which nothing may bear: a link refuses that, a rename would replace it."""
    try:
        os.link(path, final)
    except FileExistsError:
        raise GenerationError("a migration of this number and name is here already", file=str(final)) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(final):
            raise GenerationError("a migration of this number and name is here already", file=str(final)) from None
        path.replace(final)
