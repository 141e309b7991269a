"""The few rules of the formatter's layout that templates need: what fits on a line stays on it, what does not is
exploded one item a line with a trailing comma, which the formatter then leaves alone."""

from __future__ import annotations

import io
import keyword
import re
import tokenize
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 120


def _width(text: str) -> int:
    """The columns that a text takes: wide characters take two."""
    return len(text) + (0 if text.isascii() else sum(unicodedata.east_asian_width(char) in "WF" for char in text))


def imported(module: str, names: Sequence[str], indent: int) -> str:
    """`from module import names`, in parentheses where it does not fit on its line at `indent`; its first line is not
    indented."""
    line = f"from {module} import {', '.join(names)}"
    if indent + _width(line) <= WIDTH:
        return line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in names), ")"])


def in_order(names: Iterable[str]) -> list[str]:
    """Names as the linter sorts those of an import or of `__all__`: constants, classes, others; numbers by value."""
    return sorted(names, key=_sort_key)


def _sort_key(name: str) -> tuple[int, list[tuple[int, int, str]], str]:
    group = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    parts = re.findall(r"\d+|\D", name.lower())
    return group, [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts], name


def call(opening: str, items: Sequence[str], closing: str, indent: int, margin: int = 0) -> str:
    """`opening` items `closing` at `indent`, on one line if it fits (margin: columns taken on that line already, the
    indent included, in which case no indent is printed for it)."""
    line = f"{opening}{', '.join(items)}{closing}"
    lead = "" if margin else " " * indent
    if max(indent, margin) + _width(line) <= WIDTH:
        return lead + line
    inner = "".join(f"{' ' * (indent + 4)}{item},\n" for item in items)
    return f"{lead}{opening}\n{inner}{' ' * indent}{closing}"


def condition(terms: Sequence[str], indent: int) -> list[str]:
    """The line `if a or b:`, or the lines where it does not fit at `indent`; not indented."""
    line = f"if {' or '.join(terms)}:"
    if indent + _width(line) <= WIDTH or len(terms) == 1:
        return [line]
    return ["if (", f"    {terms[0]}", *(f"    or {term}" for term in terms[1:]), "):"]


def bound(items: Sequence[str], indent: int, taken: int) -> str:
    """A tuple of these expressions. taken: columns used on its first line beyond the indent."""
    if not items:
        return "()"
    if len(items) == 1:
        return f"({items[0]},)"
    return call("(", items, ")", indent, indent + taken + 1)


def appended(target: str, value: str, indent: int) -> str:
    """`target.append(value)`. A conditional that does not fit is broken at its words."""
    if indent + _width(value) + len(target) + 9 <= WIDTH or " if " not in value or indent + 4 + _width(value) < WIDTH:
        return call(f"{target}.append(", [value], ")", indent)
    inner = " " * (indent + 4)
    broken = value.replace(" if ", f"\n{inner}if ", 1).replace(" else ", f"\n{inner}else ", 1)
    return f"{' ' * indent}{target}.append(\n{inner}{broken}\n{' ' * indent})"


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
    text = _escaped("\n".join(line.rstrip() for line in lines))
    escaped = [line.rstrip() for line in text.split("\n")]
    if escaped[0].startswith('"'):
        escaped[0] = f" {escaped[0]}"  # as the formatter has it
    if len(escaped) == 1:
        return f'{lead}"""{escaped[0]}"""'
    body = "\n".join(f"{lead}{line}" if line else "" for line in escaped[1:])
    return f'{lead}"""{escaped[0]}\n{body}\n{lead}"""'


def sql(text: str) -> str:
    """SQL as a triple-quoted string, a clause a line; the formatter does not touch what spans lines."""
    return f'"""\\\n{_kept(_escaped(text))}"""'


def _escaped(text: str) -> str:
    """The inside of a triple-quoted literal: no quote may end it early, the last one included."""
    bare = text.rstrip('"')
    inside = bare.replace("\\", "\\\\").replace("\r", "\\r").replace('"""', '\\"\\"\\"')
    return inside + '\\"' * (len(text) - len(bare))


def _kept(text: str) -> str:
    """A text in which `tidy` finds nothing to do: the spaces at line ends and the empty lines of a string in SQL."""
    text = re.sub(r"[^\S\n](?=\n)", lambda found: f"\\u{ord(found[0]):04x}", text)
    return re.sub(r"\n(?=\n\n)", "\\\\n\\\\\n", text)


def positions(places: Sequence[int]) -> str:
    """A tuple of integers."""
    return bound([str(place) for place in places], 0, 0)


def used_names(body: str) -> frozenset[str]:
    """The names that Python code uses; those in strings and comments and behind a dot are not counted."""
    found: set[str] = set()
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(body).readline):
        if token.type == tokenize.NAME and before != "." and not keyword.iskeyword(token.string):
            found.add(token.string)
        before = token.string
    return frozenset(found)


def tidy(text: str) -> str:
    """No white space at line ends, at most two empty lines in a row, one line break at the end."""
    lines: list[str] = []
    for line in text.split("\n"):
        stripped = line.rstrip()
        if stripped or lines[-2:] != ["", ""]:
            lines.append(stripped)
    return "\n".join(lines).strip("\n") + "\n"
