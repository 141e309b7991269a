"""The few rules of the formatter's layout that templates need: what fits on a line stays on it, what does not is
exploded one item a line with a trailing comma, which the formatter then leaves alone."""

from __future__ import annotations

import io
import keyword
import tokenize
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 120


def call(opening: str, items: Sequence[str], closing: str, indent: int, margin: int = 0) -> str:
    """`opening` items `closing` at `indent`, on one line if it fits (margin: columns taken on that line already, the
    indent included, in which case no indent is printed for it)."""
    line = f"{opening}{', '.join(items)}{closing}"
    lead = "" if margin else " " * indent
    if max(indent, margin) + len(line) <= WIDTH:
        return lead + line
    inner = "".join(f"{' ' * (indent + 4)}{item},\n" for item in items)
    return f"{lead}{opening}\n{inner}{' ' * indent}{closing}"


def bound(items: Sequence[str], indent: int, taken: int) -> str:
    """A tuple of these expressions. taken: columns used on its first line beyond the indent."""
    if not items:
        return "()"
    if len(items) == 1:
        return f"({items[0]},)"
    return call("(", items, ")", indent, indent + taken + 1)


def pair(key: str, value: str, indent: int) -> str:
    """An item of a dict on a line of its own at `indent`. A conditional that does not fit stands in parentheses."""
    line = f"{key}: {value}"
    if indent + len(line) + 1 <= WIDTH or " if " not in value:
        return line
    inner = " " * (indent + 4)
    if indent + 4 + len(value) > WIDTH:
        value = value.replace(" if ", f"\n{inner}if ", 1).replace(" else ", f"\n{inner}else ", 1)
    return f"{key}: (\n{inner}{value}\n{' ' * indent})"


def mapping(pairs: Sequence[tuple[str, str]], indent: int, taken: int) -> str:
    """A dict that begins at column `taken` of a line at `indent`."""
    line = "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
    if taken + len(line) < WIDTH:
        return line
    inner = " " * (indent + 4)
    return "{\n" + "".join(f"{inner}{pair(*one, indent + 4)},\n" for one in pairs) + " " * indent + "}"


def listed(items: Sequence[str], indent: int) -> str:
    """A list of these expressions, behind `values: list[Any] = `."""
    return call("[", items, "]", indent, indent + 20)


def parameter(name: str, annotation: str, default: str | None) -> str:
    """A parameter of a signature."""
    return f"{name}: {annotation}" if default is None else f"{name}: {annotation} = {default}"


def docstring(lines: Sequence[str], indent: int) -> str:
    """A docstring; its first line begins behind the quotes."""
    lead = " " * indent
    escaped = [line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').rstrip() for line in lines]
    if escaped[-1].endswith('"'):
        escaped[-1] = escaped[-1][:-1] + '\\"'
    if len(escaped) == 1:
        return f'{lead}"""{escaped[0]}"""'
    body = "\n".join(f"{lead}{line}" if line else "" for line in escaped[1:])
    return f'{lead}"""{escaped[0]}\n{body}\n{lead}"""'


def sql(text: str) -> str:
    """SQL as a triple-quoted string, a clause a line; the formatter does not touch what spans lines."""
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if escaped.endswith('"'):
        escaped = escaped[:-1] + '\\"'
    return f'"""\\\n{escaped}"""'


def positions(places: Sequence[int]) -> str:
    """A tuple of integers."""
    return bound([str(place) for place in places], 0, 0)


def used_names(body: str) -> frozenset[str]:
    """The names that Python code uses, those in strings and comments not counted."""
    tokens = tokenize.generate_tokens(io.StringIO(body).readline)
    return frozenset(
        token.string for token in tokens if token.type == tokenize.NAME and not keyword.iskeyword(token.string)
    )


def tidy(text: str) -> str:
    """No white space at line ends, at most two empty lines in a row, one line break at the end."""
    lines: list[str] = []
    for line in text.split("\n"):
        stripped = line.rstrip()
        if stripped or lines[-2:] != ["", ""]:
            lines.append(stripped)
    return "\n".join(lines).strip("\n") + "\n"
