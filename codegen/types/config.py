"""The TOML file of `--config`: classes of the application's own, and the types of columns by name or declared type.

[[type]]                             a class, and how its values are stored
name = "money"                       the word for it below and in `-- @param`, `-- @column`
python = "shop.money:Money"          module:name; a dotted path works too
stored = "int"                       a built-in word: int, float, str, bytes, bool, datetime or json
encode = "shop.money:to_cents"       from the class to what is stored; ".value" is that attribute of the value
decode = "shop.money:from_cents"     back again; without it the class itself is called

[[override]]
column = "orders.total"              or `declared = "MONEY"` for every column that is declared so
type = "money"                       the name of a type above, or a built-in word
"""

from __future__ import annotations

import builtins
import keyword
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import naming
from ..errors import GenerationError
from .typemap import WORDS, OwnType, Type

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KEYS = {"type": ("name", "python", "stored", "encode", "decode"), "override": ("column", "declared", "type")}
_PATH = re.compile(r"(?:([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):)?(\.?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)", re.ASCII)
# What generated `_types.py` calls something itself.
_RESERVED = frozenset("Any Callable Generic JsonValue Mismatch TYPE_CHECKING TypeAlias TypeVar ValueRefused".split())


@dataclass(frozen=True, slots=True)
class Override:
    """The type of a column, or of all of a declared type. column, declared: one of them is "". line: of its table."""

    column: str
    declared: str
    type: Type
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Config:
    """types: the application's, by name."""

    types: Mapping[str, Type] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()


def read_config(path: Path | None) -> Config:
    """The configuration in a file; an empty one without. Raises GenerationError with the line."""
    if path is None:
        return Config()
    try:
        text = path.read_bytes().decode("utf-8")
        found = tomllib.loads(text)
    except OSError as error:
        raise GenerationError(error.strerror or "cannot be read", file=str(path)) from None
    except UnicodeDecodeError:
        raise GenerationError("not UTF-8 text", file=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (0, 0)
        message = str(error)[: place.start()] if place else str(error)
        raise GenerationError(message, file=str(path), line=line, column=column) from None
    return _Reading(str(path), text).config(found)


class _Reading:
    """One file; the lines of its tables come from its text, for TOML's reader tells none."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.split("\n")

    def config(self, found: Mapping[str, Any]) -> Config:
        types: dict[str, Type] = {}
        for name in found:
            if name not in _KEYS or not isinstance(found[name], list):
                line = next((place for place, one in enumerate(self.lines, 1) if name in one), 0)
                raise self.error(f"unknown: {name}", line, "there are [[type]] and [[override]]")
        for place, table in enumerate(found.get("type", [])):
            one = self._type(table, self._line("type", place))
            if one.name in types:
                raise self.error(f"the type {one.name} is there twice", self._line("type", place, "name"))
            clash = next(
                (own for own in (other.own for other in types.values()) if own and own.alias == one.alias), None
            )
            if clash is not None:
                raise self.error(
                    f"the types {clash.name} and {one.name} would both be called {one.alias}",
                    self._line("type", place, "name"),
                    "rename one of them",
                )
            types[one.name] = Type("own", False, (), one)
        overrides = tuple(
            self._override(table, types, self._line("override", place), self._line("override", place, "type"))
            for place, table in enumerate(found.get("override", []))
        )
        return Config(types, overrides)

    def error(self, message: str, line: int, hint: str = "") -> GenerationError:
        return GenerationError(message, file=self.file, line=line, hint=hint)

    def _line(self, table: str, place: int, key: str = "") -> int:
        """The line of the `place`-th [[table]], or of a key in it."""
        headers = [number for number, line in enumerate(self.lines, 1) if re.match(rf"\s*\[\[\s*{table}\s*\]\]", line)]
        start = headers[place] if place < len(headers) else 0
        if key:
            for number, line in enumerate(self.lines[start:], start + 1):
                if line.lstrip().startswith("["):
                    break
                if re.match(rf"\s*{key}\s*=", line):
                    return number
        return start

    def _texts(self, sort: str, table: Any, line: int) -> dict[str, str]:
        """The keys of a table, all texts and all known."""
        if not isinstance(table, dict):
            raise self.error(f"[[{sort}]] is a table", line)
        for key, value in table.items():
            if key not in _KEYS[sort]:
                raise self.error(f"[[{sort}]] has no key {key}", line, f"its keys are {', '.join(_KEYS[sort])}")
            if not isinstance(value, str) or not value:
                raise self.error(f"{key} is a text", line)
        return table

    def _type(self, table: Any, line: int) -> OwnType:
        given = self._texts("type", table, line)
        for key in ("name", "python", "stored", "encode"):
            if key not in given:
                raise self.error(f"[[type]] has no {key}", line)
        name = given["name"]
        if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or name in WORDS or keyword.iskeyword(name):
            hint = "letters, digits and underscores; built-in words are taken"
            raise self.error(f"{name!r} is no name for a type", line, hint)
        if given["stored"] not in WORDS:
            raise self.error(f"stored cannot be {given['stored']!r}", line, f"it is one of {', '.join(WORDS)}")
        alias, codec = naming.camel(name), naming.attribute(name)
        return OwnType(
            name=name,
            alias=alias + "_" if alias in _RESERVED or hasattr(builtins, alias) else alias,
            codec=codec + "_" if hasattr(builtins, codec) else codec,
            stored=WORDS[given["stored"]],
            python=self._path(given["python"], line),
            encode=self._path(given["encode"], line),
            decode=self._path(given.get("decode", given["python"]), line),
        )

    def _path(self, text: str, line: int) -> tuple[str, str]:
        """The module and the name in it; "" for what is built in and for an attribute."""
        found = _PATH.fullmatch(text)
        if not found or (found[1] and found[2].startswith(".")):
            raise self.error(f"{text!r} is no place of a class or function", line, "write module:name")
        module, name = found[1] or "", found[2]
        if not module and not name.startswith("."):
            module, _, name = name.rpartition(".")
            if not module and not hasattr(builtins, name):
                raise self.error(f"{name!r} is not built in", line, "write module:name")
        return module, name

    def _override(self, table: Any, types: Mapping[str, Type], line: int, type_line: int) -> Override:
        given = self._texts("override", table, line)
        if ("column" in given) == ("declared" in given) or "type" not in given:
            hint = 'column = "table.column" or declared = "WORDS", and type = "…"'
            raise self.error("an override names a column or a declared type, and a type", line, hint)
        word = given["type"]
        kind = types.get(word) or (Type(WORDS[word], False) if word in WORDS else None)
        if kind is None:
            hint = f"there are {', '.join([*WORDS, *types])}; whether NULL may stand there is the schema's to say"
            raise self.error(f"unknown type {word!r}", type_line, hint)
        return Override(given.get("column", ""), given.get("declared", ""), kind, self.file, line)
