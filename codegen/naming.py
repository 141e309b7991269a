"""SQL names → Python names. Every name that generated code carries is made here."""

from __future__ import annotations

import builtins
import keyword
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Names that mean something inside generated classes and functions, so no column may hide them.
_TAKEN = frozenset(
    """self cls conn limit after rows row ids datetime filled values raw chosen now following wanted wanted_keys found
    batch error""".split()
)
# Built-in names that stand in annotations of generated classes: an attribute of that name would hide the type.
_TYPES = frozenset(("str", "int", "float", "bytes", "bool", "list", "dict", "tuple", "object"))
_LONGEST_LOCAL = 20


def snake(name: str) -> str:
    """`CustomerId`, `customer id` and `Customer-ID` → `customer_id`; a leading digit gets an `n` before it."""
    words: list[str] = []
    previous = ""
    for place, char in enumerate(name):
        following = name[place + 1 : place + 2]
        if not (char.isalnum() or char == "_"):
            words.append("_")
        elif char.isupper() and (previous.islower() or (previous.isupper() and following.islower())):
            words.append("_" + char.lower())
        else:
            words.append(char.lower())
        previous = char
    text = "_".join(part for part in "".join(words).split("_") if part) or "column"
    if text[0].isdigit():
        text = "n" + text
    return text if text.isidentifier() else "column"


def attribute(name: str) -> str:
    """The attribute and parameter for a column: a name that Python or the generated code needs gets a `_` after it."""
    text = snake(name)
    return text + "_" if keyword.iskeyword(text) or text in _TAKEN or text in _TYPES else text


def attributes(names: Iterable[str]) -> list[str]:
    """As attribute for all columns of one table or query; a name that comes again gets a number."""
    found: list[str] = []
    for name in names:
        text = attribute(name)
        number = 2
        while text in found:
            text = f"{attribute(name)}_{number}"
            number += 1
        found.append(text)
    return found


def parameter(name: str) -> str:
    """The parameter of a function for a named query's `:name`."""
    text = snake(name)
    return text + "_" if keyword.iskeyword(text) or text in ("conn", "row", "rows", "batch", "batches") else text


def local(name: str, place: int) -> str:
    """A local variable for the attribute `name`, the `place`-th of its row. The built-ins that decoding and encoding
    use stay visible, and a line with it stays short enough for the formatter to leave it alone."""
    if len(name) > _LONGEST_LOCAL:
        return f"value_{place}"
    return name + "_" if hasattr(builtins, name) or name.startswith("_") else name


def module(table: str) -> str:
    """The module of a table's functions."""
    text = snake(table)
    return text + "_" if keyword.iskeyword(text) else text


def singular(word: str) -> str:
    """The singular of an English table name by rule: `bases` → `base`, `entries` → `entry`, `boxes` → `box`."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "news")):
        return word[:-1]
    return word


def class_name(table: str) -> str:
    """The row class of a table: singular and CamelCase."""
    *front, last = snake(table).split("_")
    text = "".join(word[:1].upper() + word[1:] for word in [*front, singular(last)])
    return text + "_" if keyword.iskeyword(text) or text in _RESERVED_CLASSES else text


def camel(name: str) -> str:
    """`largest_documents` → `LargestDocuments`."""
    return "".join(word[:1].upper() + word[1:] for word in snake(name).split("_"))


_RESERVED_CLASSES = frozenset(
    ("Row", "Page", "Unset", "Reader", "Writer", "Literal", "Any", "JsonValue", "JsonInput", "Iterable", "Iterator")
)
