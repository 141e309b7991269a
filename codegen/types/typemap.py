"""Columns → Python types: which kind of value a column holds, and the code that checks, writes and reads it.

`declared` has the table of kinds by declared type; an override gives a column another type, also one of the
application's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import layout
from .declared import affinity as affinity
from .declared import kind_of as kind_of

if TYPE_CHECKING:
    from ..reading.catalog import Column, Literal

# What SQLite has no type for: converted also where it is looked for.
CONVERTED = ("moment", "flag", "json", "plain_json", "own")
# What SQLite may keep as a number of another type, equal to the one that was given.
RENUMBERED = ("number", "scalar", "plain_scalar", "real_scalar")
# What has no exact form in a JSON array of keys to look for.
_NOT_IN_JSON = ("blob", "real", "json", "plain_json", "json_scalar", "null", *RENUMBERED)
# kind → (what is read, what may be given). "choice" is made from its values.
ANNOTATIONS: dict[str, tuple[str, str]] = {
    "text": ("str", "str"),
    "plain_text": ("str", "str"),  # text in a column of NUMERIC affinity: DATE, TIME
    "integer": ("int", "int"),
    "real": ("float", "float"),
    "blob": ("bytes", "bytes"),
    "flag": ("bool", "bool"),
    "moment": ("datetime", "datetime"),
    "json": ("JsonValue", "JsonInput"),
    "plain_json": ("JsonValue", "JsonInput"),
    "number": ("int | float", "int | float"),
    "scalar": ("str | int | float | bytes", "str | int | float | bytes"),
    "plain_scalar": ("str | int | float | bytes", "str | int | float | bytes"),  # in a column of NUMERIC affinity
    "real_scalar": ("str | int | float | bytes", "str | int | float | bytes"),  # in a column of REAL affinity
    "json_scalar": ("str | int | float", "str | int | float"),  # what json_extract and ->> give
    "null": ("None", "None"),  # nothing but NULL
}

# The words of annotations in query files → kinds.
WORDS: dict[str, str] = {
    "int": "integer",
    "float": "real",
    "str": "text",
    "bytes": "blob",
    "bool": "flag",
    "datetime": "moment",
    "json": "json",
}


@dataclass(frozen=True, slots=True)
class OwnType:
    """A class of the application's. name: the word for it in overrides and annotations. alias, codec: what generated
    `_types` calls the class and its codec. stored: the kind as which SQLite keeps it. python, encode, decode: where the
    class and its two functions are imported from, each a module ("" for built-in ones) and a dotted name in it; encode
    is a name behind a dot, as ".value", for an attribute of the value."""

    name: str
    alias: str
    codec: str
    stored: str
    python: tuple[str, str]
    encode: tuple[str, str]
    decode: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Type:
    """A kind of value, whether NULL may stand for it, the values of a choice, and the class of kind "own"."""

    kind: str
    nullable: bool
    choices: tuple[Literal, ...] = ()
    own: OwnType | None = None

    @property
    def read(self) -> str:
        """The annotation of a value that was read."""
        return self._annotation(0)

    @property
    def write(self) -> str:
        """The annotation of a value that is given."""
        return self._annotation(1)

    def _annotation(self, side: int) -> str:
        if self.own is not None:
            text = f"_types.{self.own.alias}"
        else:
            text = f"Literal[{', '.join(map(literal, self.choices))}]" if self.choices else ANNOTATIONS[self.kind][side]
        if self.kind == "null":
            return text
        # JsonInput and JsonValue hold None themselves; `| None` says that it is SQL's NULL.
        return f"{text} | None" if self.nullable else text

    @property
    def stored(self) -> Type:
        """The type as which SQLite keeps it: itself, but for a class of the application's."""
        return self if self.own is None else Type(self.own.stored, self.nullable)

    @property
    def optional(self) -> str:
        """The annotation of a parameter that may be left out."""
        text = replace(self, nullable=False).write + " | Unset"
        return f"{text} | None" if self.nullable else text


def column_type(column: Column) -> Type:
    """The type of a column: that of its override, else by its declared type. A CHECK … IN confines text and integers to
    a Literal."""
    if column.type is not None:
        return replace(column.type, nullable=not column.not_null)
    kind = kind_of(column.declared)
    choices = column.choices or ()
    if kind == "integer":
        confined = all(isinstance(value, int) for value in choices)
    else:
        plain = kind.startswith("plain")
        texts = all(isinstance(value, str) and not (plain and like_number(value)) for value in choices)
        confined = texts and kind in ("text", "scalar", "plain_scalar", "plain_text")
    if choices and confined:
        return Type("choice", not column.not_null, choices)
    return Type(kind, not column.not_null)


def like_number(text: str) -> bool:
    """Whether a column of NUMERIC affinity may turn a text into a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def literal(value: Literal) -> str:
    """A Python literal with double quotes where they need no escaping, as the formatter writes it."""
    if isinstance(value, int):
        return str(value)
    text = repr(value)
    if text[0] == "'" and value.count('"') <= value.count("'"):
        text = '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    return text


def check(kind: Type, name: str, choices: str) -> str:
    """The condition under which the stored value in variable `name` is of the type; "" where nothing can be wrong.

    choices: the constant that holds the allowed values. DATETIME may raise instead (caught like a mismatch).
    """
    conditions = {
        "text": f"type({name}) is str",
        "plain_text": f"type({name}) is str",
        "integer": f"type({name}) is int",
        "real": f"type({name}) is float or type({name}) is int",
        "blob": f"type({name}) is bytes",
        "flag": f"(type({name}) is int and 0 <= {name} <= 1)",
        "moment": f'({name}[10] == " " and len({name}) < 27)',
        "number": f"type({name}) is int or type({name}) is float",
        "scalar": f"{name} is not None",
        "plain_scalar": f"{name} is not None",
        "real_scalar": f"{name} is not None",
        "json_scalar": f"type({name}) is str or type({name}) is int or type({name}) is float",
        "null": f"{name} is None",
    }
    kind = kind.stored
    if kind.kind == "choice":
        integer = isinstance(kind.choices[0], int)
        text = f"(type({name}) is int and {name} in {choices})" if integer else f"{name} in {choices}"
    else:
        text = conditions.get(kind.kind, "")
    if kind.kind in ("scalar", "plain_scalar", "real_scalar") and kind.nullable:
        return ""
    if kind.kind == "null":
        return text
    return f"{name} is None or {text}" if text and kind.nullable else text


def wrong(kind: Type, name: str, choices: str) -> str:
    """The opposite of `check`."""
    kind = kind.stored
    if kind.kind == "null":
        return f"{name} is not None"
    conditions = {
        "text": f"type({name}) is not str",
        "plain_text": f"type({name}) is not str",
        "integer": f"type({name}) is not int",
        "real": f"type({name}) is not float and type({name}) is not int",
        "blob": f"type({name}) is not bytes",
        "flag": f"type({name}) is not int or not 0 <= {name} <= 1",
        "moment": f'{name}[10] != " " or len({name}) > 26',
        "number": f"type({name}) is not int and type({name}) is not float",
        "scalar": "" if kind.nullable else f"{name} is None",
        "plain_scalar": "" if kind.nullable else f"{name} is None",
        "real_scalar": "" if kind.nullable else f"{name} is None",
        "json_scalar": f"type({name}) is not str and type({name}) is not int and type({name}) is not float",
        "choice": f"{name} not in {choices}",
    }
    text = conditions.get(kind.kind, "")
    if kind.kind == "choice" and _integers(kind):
        text = f"type({name}) is not int or {text}"
    if not text or not kind.nullable:
        return text
    return f"{name} is not None and ({text})" if " or " in text else f"{name} is not None and {text}"


def decode(kind: Type, name: str) -> str:
    """The expression for the Python value of the stored value in variable `name`."""
    if kind.kind == "real_scalar":  # RETURNING, as below
        return f"float({name}) if type({name}) is int else {name}"
    text = {
        "flag": f"{name} == 1",
        # RETURNING gives the integers as which SQLite keeps whole numbers of a REAL column.
        "real": f"float({name})",
        "real_scalar": f"float({name}) if type({name}) is int else {name}",
        "moment": f'_values.moment({name} + "Z")',
        "json": f"_values.json_value({name})",
        "plain_json": f"_values.plain_json_value({name})",
    }.get(kind.stored.kind)
    if kind.own is not None:
        text = f"_types.{kind.own.codec}.loaded({text or name})"
    if text is None:
        return name
    return f"None if {name} is None else {text}" if kind.nullable else text


def encode(kind: Type, table: str, column: str, name: str, choices: str, indent: int = 4) -> tuple[str, ...]:
    """The lines, at `indent`, that check the value in variable `name` and make it storable: the common case inline,
    everything else in the function of `_values` that knows the reason."""
    opening, items = _call(kind, table, column, name, choices)
    terms: tuple[str, ...] | None = {
        "text": (f"type({name}) is not str", f"not {name}.isascii()", f'"\\0" in {name}'),
        "integer": (f"type({name}) is not int", f"not _MIN <= {name} <= _MAX"),
        # Zero too: -0.0 becomes 0.0.
        "real": (f"type({name}) is not float", f"not {name}", f"{name} - {name} != 0.0"),
        "choice": (f"type({name}) is not {'int' if _integers(kind) else 'str'}", f"{name} not in {choices}"),
    }.get(kind.kind)
    if kind.nullable:
        terms = (f"{name} is not None",)
    lines = layout.condition(terms, indent) if terms else []
    call = layout.call(f"{name} = {opening}", items, ")", indent + 4 if terms else indent)
    return (*lines, *(line[indent:] for line in call.split("\n")))


def bind(kind: Type, table: str, column: str, name: str, choices: str) -> str:
    """The expression that checks the parameter `name` and makes it storable."""
    if kind.kind == "null":
        return "None"
    opening, items = _call(kind, table, column, name, choices)
    text = f"{opening}{', '.join(items)})"
    return f"None if {name} is None else {text}" if kind.nullable else text


def _call(kind: Type, table: str, column: str, name: str, choices: str) -> tuple[str, list[str]]:
    """The beginning and the arguments of the call that makes a value storable."""
    stored = kind.stored.kind
    function = {"moment": "moment_text", "json": "json_text", "plain_json": "plain_json_text"}.get(stored, stored)
    where = [quoted(table), quoted(column)]
    value = name if kind.own is None else f"_types.{kind.own.codec}.stored({', '.join([*where, name])})"
    return f"_values.{function}(", [*where, value, *([choices] if kind.kind == "choice" else [])]


def look_up(kind: Type, table: str, column: str, name: str) -> str:
    """The expression for a value to look for: only what SQLite does not know is converted."""
    return bind(kind, table, column, name, "") if kind.kind in CONVERTED else name


def confirm(kind: Type, table: str, column: str, name: str, choices: str, type_of: str = "type") -> tuple[str, ...]:
    """The lines, at an indent of 4, that refuse a value to look for which is not of the column's type; none where
    `look_up` converts it. type_of: what `type` is called where a parameter hides it."""
    if kind.kind in CONVERTED or kind.kind == "null":
        return ()
    terms: tuple[str, ...] | None = {
        "text": (f"{type_of}({name}) is not str", f"not {name}.isascii()"),
        "integer": (f"{type_of}({name}) is not int", f"not _MIN <= {name} <= _MAX"),
        "choice": (f"{type_of}({name}) is not {'int' if _integers(kind) else 'str'}", f"{name} not in {choices}"),
    }.get(kind.kind)
    if kind.nullable:
        terms = (f"{name} is not None",)
    # A text that is only looked for may be one that is not stored, but SQLite must be able to take it.
    wanted = Type("wanted_text", False) if kind.kind in ("text", "plain_text") else kind
    opening, items = _call(wanted, table, column, name, choices)
    indent = 8 if terms else 4
    lines = layout.condition(terms, 4) if terms else []
    return (*lines, *(line[4:] for line in layout.call(opening, items, ")", indent).split("\n")))


def in_json(kind: Type) -> str:
    """The Python type of a key in the JSON array of keys to look for."""
    return "int" if kind.stored.kind in ("integer", "flag") or _integers(kind) else "str"


def fits_in_json(kind: Type) -> bool:
    """Whether keys of this type can be looked for by a JSON array of them."""
    return kind.stored.kind not in _NOT_IN_JSON


def quoted(text: str) -> str:
    """A Python string literal."""
    return literal(text)


def _integers(kind: Type) -> bool:
    return bool(kind.choices) and isinstance(kind.choices[0], int)
