"""Files and folders of SQL → scripts in the order in which they build the schema.

A folder of migrations is read in the natural order of its names. Of each migration only the way up is taken, by the
marks of the common tools: files `….up.sql` and `….down.sql` (golang-migrate, sqlx), `up.sql` and `down.sql` in a folder
each (Diesel), `NNN_name/migration.sql` (Prisma), `V1_2__name.sql` and `U1_2__name.sql` (Flyway), and sections within
one file (goose, sql-migrate, dbmate, tern and others).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import GenerationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_DIGITS = "0123456789"
# The end of the name of a file that undoes a migration, before .sql.
_DOWN_FILES = (".down", "-down", "_down", ".rollback", ".undo", ".revert", ".drop")
_DOWN_NAMES = ("down", "rollback", "undo", "revert")
# What a comment line says where the way up or the way down begins, its dashes, spaces and case apart.
_UP_MARKS = ("+goose up", "+migrate up", "+micrate up", "migrate:up", "rambler up", "!ups", "@up", "+up")
_DOWN_MARKS = (
    *("+goose down", "+migrate down", "+micrate down", "migrate:down", "rambler down", "!downs", "@down", "+down"),
    *("//@undo", "@undo", "create above / drop below"),
)
# Marks of tools that say nothing about the schema, and the comments that Prisma writes above each statement: none of
# them is the documentation of the statement below it.
_OTHER_MARKS = ("+goose ", "+migrate ", "+micrate ", "> statement-breakpoint", "migrate:", "atlas:", "liquibase ")
_PRISMA_MARKS = (
    "createtable",
    "createindex",
    "altertable",
    "dropindex",
    "droptable",
    "redefinetables",
    "redefineindex",
)


@dataclass(frozen=True, slots=True)
class Script:
    """The SQL of a file. name: in errors. text: what undoes a migration is left blank, so that lines keep their
    numbers. migration: it came from a folder or has the marks of a migration."""

    name: str
    text: str
    migration: bool = False


def read(paths: Iterable[Path]) -> list[Script]:
    """The scripts of files and folders in the order given; within a folder in the order of its migrations.

    Raises GenerationError for what cannot be read, is not UTF-8, and for a folder without SQL.
    """
    scripts: list[Script] = []
    for path in paths:
        if path.is_dir():
            files = migrations(path)
            if not files:
                raise GenerationError("the folder holds no .sql file", file=str(path))
            scripts += [script(file, in_folder=True) for file in files]
        else:
            scripts.append(script(path))
    return scripts


def script(path: Path, *, in_folder: bool = False) -> Script:
    """One file as a script. Raises GenerationError."""
    text = text_of(path)
    up, marked = way_up(text)
    return Script(str(path), up, in_folder or marked)


def migrations(folder: Path) -> list[Path]:
    """The .sql files of a folder and those below it, in order, without those that undo a migration."""
    found: list[Path] = []
    for path in sorted(folder.iterdir(), key=lambda path: order(path.name)):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found += migrations(path)
        elif path.suffix.lower() == ".sql" and not _undoes(path.name):
            found.append(path)
    return found


def order(name: str) -> tuple[int, tuple[int, ...], tuple[str | int, ...], str]:
    """By what migrations are ordered: Flyway's versions by their parts, its repeatable ones last, other names
    naturally, so that 2 comes before 10."""
    prefix, _, rest = name.partition("__")
    version = prefix[1:].replace(".", "_").split("_")
    if rest and prefix[:1] in ("V", "B") and all(part.isdecimal() for part in version):
        return 0, tuple(int(part) for part in version), (), name
    return (1 if rest and prefix == "R" else 0), (), natural(name), name


def natural(name: str) -> tuple[str | int, ...]:
    """The name cut into text and numbers by turns, text first."""
    parts: list[str | int] = [""]
    for char in name.lower():
        if char in _DIGITS:
            if isinstance(last := parts[-1], int):
                parts[-1] = last * 10 + int(char)
            else:
                parts.append(int(char))
        elif isinstance(last := parts[-1], str):
            parts[-1] = last + char
        else:
            parts.append(char)
    return tuple(parts)


def way_up(text: str) -> tuple[str, bool]:
    """The text with its way down left blank, and whether it has marks of a migration at all."""
    lines = text.split("\n")
    taken, marked = True, False
    for place, line in enumerate(lines):
        mark = _mark(line)
        if mark.startswith(_UP_MARKS):
            taken, marked = True, True
        elif mark.startswith(_DOWN_MARKS):
            taken, marked = False, True
        if not taken or mark.startswith(_UP_MARKS + _OTHER_MARKS) or mark in _PRISMA_MARKS:
            lines[place] = ""
    return "\n".join(lines), marked


def _mark(line: str) -> str:
    """What a comment line says, in lower case; "" for any other line."""
    line = line.strip()
    if line.startswith("# ---"):
        line = line[2:]
    return line.strip("-").strip().lower() if line.startswith("--") else ""


def _undoes(name: str) -> bool:
    stem = name[: -len(".sql")].lower()
    flyway = name[:1] == "U" and "__" in name and name[1:2] in tuple(_DIGITS)
    return flyway or stem.endswith(_DOWN_FILES) or stem in _DOWN_NAMES


def text_of(path: Path) -> str:
    """The text of a file, its lines ended by line feeds alone. Raises GenerationError where it is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GenerationError(error.strerror or "cannot be read", file=str(path)) from None
    if data.startswith(b"SQLite format 3\0"):
        hint = "write its schema to a file: sqlite3 FILE .schema"
        raise GenerationError("a database, not SQL text", file=str(path), hint=hint)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise GenerationError("not UTF-8 text", file=str(path)) from None
    return _checked(text.replace("\r\n", "\n"), path)


def _checked(text: str, path: Path) -> str:
    """The text, if SQLite can be given it."""
    place = text.find("\0")
    if place >= 0:
        line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
        raise GenerationError("a NUL character", file=str(path), line=line, column=column, hint="is it SQL text?")
    return text


def names(scripts: Sequence[Script]) -> str:
    """What an error about the whole schema names: its file, or the first of several."""
    return scripts[0].name if scripts else "(no schema)"
