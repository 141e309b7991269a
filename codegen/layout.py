"""The few rules of the formatter's layout that templates need: what fits on a line stays on it, what does not is
exploded one item a line with a trailing comma, which the formatter then leaves alone."""

from __future__ import annotations

import io
import re
import tokenize
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 120
_STRING = r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\''
# A text over several lines, or a comment.
_BLOCK = re.compile(r'"""(?:[^\\]|\\.)*?"""|#[^\n]*', re.DOTALL)
_STRING_ALONE = re.compile(rf" *(?:{_STRING}),?")
_NAME = r"[\w\u0080-\U0010ffff]+"  # \w lacks the combining marks that a name may hold
_NAMES = re.compile(rf"{_BLOCK.pattern}|{_STRING}|\.{_NAME}|({_NAME})", re.DOTALL)


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


def in_order(names: Iterable[str], *, case: bool = False) -> list[str]:
    """Names as the linter sorts those of an import or, where case matters, of `__all__`: constants, classes, others;
    numbers by value."""
    return sorted(names, key=lambda name: (_group(name), _natural(name if case else name.lower()), _natural(name)))


def _group(name: str) -> int:
    return 0 if name.isupper() and len(name.encode()) > 1 else 1 if name[:1].isupper() else 2


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"[0-9]+|[^0-9]", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def call(opening: str, items: Sequence[str], closing: str, indent: int, margin: int = 0) -> str:
    """`opening` items `closing` at `indent`, on one line if it fits (margin: columns taken on that line already, the
    indent included, in which case no indent is printed for it)."""
    line = f"{opening}{', '.join(items)}{closing}"
    lead = "" if margin else " " * indent
    if max(indent, margin) + _width(line) <= WIDTH:
        return lead + line
    inner = "".join(f"{' ' * (indent + 4)}{_broken(item, indent + 4)},\n" for item in items)
    return f"{lead}{opening}\n{inner}{' ' * indent}{closing}"


def _broken(value: str, indent: int) -> str:
    """A conditional that does not fit at `indent`, broken at its words; anything else as it is."""
    if indent + _width(value) < WIDTH or not value.startswith("None if "):
        return value
    inner = " " * indent
    return value.replace(" if ", f"\n{inner}if ", 1).replace(" else ", f"\n{inner}else ", 1)


def signature(name: str, parameters: Sequence[str], result: str) -> str:
    """The first line of a function with few parameters, or a parameter a line where they do not fit."""
    return call(f"def {name}(", parameters, f") -> {result}:", 0)


def comprehension(target: str, items: Sequence[str], source: str, indent: int) -> str:
    """`target = [items for wanted in source]`; several items are a tuple."""
    lead, inner = " " * indent, " " * (indent + 4)
    element = items[0] if len(items) == 1 else f"({', '.join(items)})"
    body = f"{element} for wanted in {source}"
    if indent + _width(f"{target} = [{body}]") <= WIDTH:
        return f"{lead}{target} = [{body}]"
    if indent + 4 + _width(body) > WIDTH:
        element = bound(items, indent + 4, 0).lstrip() if len(items) > 1 else items[0]
        body = f"{element}\n{inner}for wanted in {source}"
    return f"{lead}{target} = [\n{inner}{body}\n{lead}]"


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


def tuple_of_calls(opening: str, calls: Sequence[Sequence[str]], indent: int) -> str:
    """A tuple of calls behind a comma of a line at `indent`; one call stays on that line where it fits."""
    line = f"({opening}{', '.join(calls[0])}),)"
    if len(calls) == 1 and indent + _width(line) < WIDTH:
        return line
    inner = "".join(f"{call(opening, items, ')', indent + 4)},\n" for items in calls)
    return f"(\n{inner}{' ' * indent})"


def appended(target: str, value: str, indent: int) -> str:
    """`target.append(value)`. A conditional that does not fit is broken at its words."""
    return call(f"{target}.append(", [value], ")", indent)


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
    """The names that generated code uses; those in strings and comments and behind a dot are not counted."""
    return frozenset(name for name in _NAMES.findall(body) if name)


def left_alone(text: str) -> str:
    """Python code in which the formatter is switched off where a name is so long that a line had to be broken in ways
    that only the formatter knows."""
    # Tokenizing takes longer than everything else: most files show without it that they have no such line.
    if not any(_width(line) > WIDTH and not _STRING_ALONE.fullmatch(line) for line in _BLOCK.sub("", text).split("\n")):
        return text
    lines = text.split("\n")
    text_ends = 0
    unbreakable = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        (row, _), (last, end) = token.start, token.end
        if row != last or lines[row - 1].strip().removesuffix(",") == token.string:
            text_ends = last  # text by itself, however long its lines are
        if row == text_ends or token.type in unbreakable:
            continue
        if _width(lines[row - 1][:end]) > WIDTH:
            marker, _, rest = text.partition("\n")
            return f"{marker}\n# A name is longer than the formatter's lines are made for.\n# fmt: off\n{rest}"
    return text


def tidy(text: str) -> str:
    """No white space at line ends, at most two empty lines in a row, one line break at the end."""
    lines: list[str] = []
    for line in text.split("\n"):
        stripped = line.rstrip()
        if stripped or lines[-2:] != ["", ""]:
            lines.append(stripped)
    return "\n".join(lines).strip("\n") + "\n"
