"""What a command has to say, printed as text for people or as one JSON document for programs.

Text that came out of a file or a database is shown without its control characters, so that it cannot steer a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CELL_CHARS = 60


class Outcome(NamedTuple):
    """What a command found or did.

    data: JSON values, printed with --json. text: what is printed otherwise. exit_code: 0 ok, 1 failed. notes: lines for
    standard error, without --json.
    """

    data: dict[str, Any]
    text: str
    exit_code: int = 0
    notes: tuple[str, ...] = ()


def emit(outcome: Outcome, *, as_json: bool) -> None:
    """Print an outcome."""
    if as_json:
        print_json(outcome.data)
        return
    for note in outcome.notes:
        complain(note)
    write(sys.stdout, outcome.text + "\n" if outcome.text else "")


def print_json(data: dict[str, Any]) -> None:
    """Print one JSON document."""
    write(sys.stdout, json.dumps(data, ensure_ascii=not _speaks_utf8(sys.stdout), indent=2) + "\n")


def complain(line: str) -> None:
    """Print one line on standard error, if somebody can read it: what else the command does and says goes on."""
    if sys.stderr is None:
        return
    try:
        write(sys.stderr, shown(line, keep="") + "\n")
    except OSError:  # its reader has left, or it is full; what is left in its buffer would fail again at exit
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())
        os.close(nowhere)


def write(stream: TextIO, text: str) -> None:
    """Write text to a stream whatever its encoding, and flush it."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _speaks_utf8(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def shown(text: str, *, keep: str = "\n\t") -> str:
    """`text` with control characters (but those in `keep`) and lone surrogates as escapes."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in keep or character == "\u00a0"
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def row_json(row: Any) -> dict[str, Any]:
    """A row of a table, or of a named query, as JSON values: moments as ISO 8601 text."""
    return {name: json_value(getattr(row, name)) for name in row.__match_args__}


def json_value(value: Any) -> Any:
    """A column's value as a JSON value."""
    return value.isoformat() if isinstance(value, datetime) else value


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Aligned columns; numbers to the right; long cells cut."""
    lines = [list(headings), *([_cell(value) for value in row] for row in rows)]
    widths = [max(columns(line[column]) for line in lines) for column in range(len(headings))]
    numeric = [all(_is_number(line[column]) for line in lines[1:]) for column in range(len(headings))]
    return "\n".join(
        "  ".join(
            " " * (width - columns(cell)) + cell if right else cell + " " * (width - columns(cell))
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes: two for a wide character, none for one that combines."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)


def facts(pairs: Iterable[tuple[str, Any]]) -> str:
    """One line a fact, the names aligned."""
    known = [(name, _cell(value, limit=2000)) for name, value in pairs]
    width = max((len(name) for name, _ in known), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}".rstrip() for name, value in known)


def _cell(value: Any, *, limit: int = _CELL_CHARS) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, dict | list | bool):
        value = json.dumps(value, ensure_ascii=False)
    text = shown(str(value), keep="")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.replace(".", "", 1).isdigit()


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 file`, `2 files`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def size(count: int) -> str:
    """A number of bytes for people."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if round(amount, 1) < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
