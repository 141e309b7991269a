"""SQL names → Python names. Every name that generated code carries is made here."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

# Names that generated signatures carry themselves, and `datetime`, which stands in their annotations. What function
# bodies use gives way to a column's name (`free`, `local`).
_TAKEN = frozenset(("self", "conn", "limit", "after", "before", "datetime"))
# Variables of the functions that decode and encode.
_VARIABLES = frozenset(("row", "rows", "now", "error", "decoded"))
# Names of modules' own that a function of a named query would hide.
NEEDED = frozenset(
    """annotations datetime frozenset int float str bytes bool list dict tuple object type len zip""".split()
)
# Built-in names that stand in annotations of generated classes: an attribute of that name would hide the type.
_TYPES = frozenset(("str", "int", "float", "bytes", "bool", "list", "dict", "tuple", "object"))
# What the package `queries` uses itself: an imported module becomes one of its attributes.
_PACKAGE = frozenset(("annotations", "list", "sorted", "str"))
# Windows has no files of these names, whatever follows the dot.
_DEVICES = frozenset(("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))))
_LONGEST_FILE = 200  # bytes of a file's name without `.py`, of the 255 that file systems commonly allow
_LONGEST_LOCAL = 20
_NUMBERED = re.compile(r"value_\d+")


def snake(name: str) -> str:
    """`CustomerId`, `customer id` and `Customer-ID` → `customer_id`; a leading digit gets an `n` before it."""
    name = unicodedata.normalize("NFKC", name)  # as Python reads identifiers
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
    text = unicodedata.normalize("NFKC", "_".join(part for part in "".join(words).split("_") if part)) or "column"
    if text[0].isdigit():
        text = "n" + text
    return text if text.isidentifier() else "column"


def attribute(name: str) -> str:
    """The attribute and parameter for a column: a name that Python or the generated code needs gets a `_` after it."""
    text = snake(name)
    return text + "_" if keyword.iskeyword(text) or text in _TAKEN or text in _TYPES else text


def attributes(names: Sequence[str], *, rowid: bool = False) -> list[str]:
    """As attribute for all columns of one table or query; a name that comes again gets a number. Names that differ in
    case alone (`ß` and `SS`) come again too: constants are named after them. rowid: the last is the table's rowid."""
    found: list[str] = []
    taken: set[str] = set()
    for place, name in enumerate(names):
        if rowid and place == len(names) - 1:
            name = "rowid" if "ROWID" not in taken else "row_id"
        text, number = attribute(name), 2
        while text.upper() in taken:
            text, number = numbered(attribute(name), number), number + 1
        found.append(text)
        taken.add(text.upper())
    return found


def numbered(name: str, number: int) -> str:
    """The name of a module, function or attribute whose plain name is taken."""
    return f"{name}_{number}"


def numbered_class(name: str, number: int) -> str:
    """The name of a class whose plain name is taken: `User2`, `Area51_2`."""
    return f"{name}_{number}" if name[-1].isdigit() else f"{name}{number}"


def shown(name: str) -> str:
    """A name of the schema in prose: line breaks and other invisible characters as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)


def parameter(name: str) -> str:
    """The parameter of a function for a named query's `:name`."""
    text = snake(name)
    return text + "_" if keyword.iskeyword(text) or text == "conn" else text


def free(name: str, taken: Iterable[str]) -> str:
    """The name of a variable of a function's body: with a `_` after it where a parameter is called so (the names of
    columns never end in one, but those that `attribute` changed)."""
    return name + "_" if name in taken else name


def type_function(parameters: Collection[str]) -> str:
    """What the built-in `type` is called in a function with these parameters."""
    return "_type" if "type" in parameters else "type"


def local(name: str, place: int) -> str:
    """A local variable for the attribute `name`, the `place`-th of its row. The built-ins that decoding and encoding
    use stay visible, and a line with it stays short enough for the formatter to leave it alone."""
    if len(name) > _LONGEST_LOCAL:
        return f"value_{place}"
    hidden = hasattr(builtins, name) or name in _VARIABLES or _NUMBERED.fullmatch(name)
    return name + "_" if hidden else name


def module(table: str) -> str:
    """The module of a table's functions: a name that every file system can hold, whatever the length of the table's."""
    text = snake(table)
    while len(text.encode()) > _LONGEST_FILE:
        text = text[:-1]
    return text + "_" if keyword.iskeyword(text) or text in _PACKAGE or text in _DEVICES else text


def singular(word: str) -> str:
    """The singular of an English table name by rule: `bases` → `base`, `entries` → `entry`, `boxes` → `box`."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    if len(word) > 1 and word.endswith("s") and not word.endswith(("ss", "us", "is", "news")):
        return word[:-1]
    return word


def class_name(table: str) -> str:
    """The row class of a table: singular and CamelCase; what has no capitals gets `Row` before it, so that no column
    hides it."""
    *front, last = snake(table).split("_")
    text = "".join(word[:1].upper() + word[1:] for word in [*front, singular(last)])
    text = unicodedata.normalize("NFKC", text)
    if not text[0].isupper():
        text = "Row" + text
    return text + "_" if keyword.iskeyword(text) or text in RESERVED_CLASSES else text


def camel(name: str) -> str:
    """`largest_documents` → `LargestDocuments`."""
    return "".join(word[:1].upper() + word[1:] for word in snake(name).split("_"))


# What generated modules import.
RESERVED_CLASSES = frozenset(
    """Row Page Unset Reader Writer RawRow Literal Any JsonValue JsonInput Iterable Iterator Sequence""".split()
)
