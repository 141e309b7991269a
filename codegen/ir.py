"""The intermediate form: everything that the templates print, decided. Plain data, made by `transform`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .types.typemap import OwnType, Type, literal

if TYPE_CHECKING:
    from .clashes import Origin

_CHAIN = 75  # columns of a line that a chain of conditions may take


@dataclass(frozen=True, slots=True)
class Constant:
    """A module constant with SQL text; comment: lines above it that say why it is as it is."""

    name: str
    sql: str
    comment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a row class, as the generated code sees it.

    attribute: its Python name. local: the variable that holds it while a row is decoded or encoded. read, write: its
    annotations. default: the Python default of its parameter in insert forms, None where it must be given. check: the
    condition that the stored value is of the type, wrong: that it is not, "" for none. decode: the expression for the
    Python value. batch: decoded for many rows in one scan. encode: the lines that check and convert `local` in place.
    bind: the expression that checks and converts the parameter `attribute`. facts: what names the culprit when
    decoding fails.
    """

    column: str
    attribute: str
    local: str
    type: Type
    choices_constant: str
    read: str
    write: str
    default: str | None
    check: str
    wrong: str
    decode: str
    batch: bool
    encode: tuple[str, ...]
    bind: str
    facts: str
    generated: bool

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a Literal column as Python literals, none for other columns."""
        return tuple(map(literal, self.type.choices))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A keyword parameter of a generated function. bind: the expression that goes to SQLite. confirm: the lines before
    it that refuse a value of another type."""

    name: str
    annotation: str
    default: str | None
    bind: str
    confirm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowClass:
    """A class of models.py. keyword_only: an insert form. origin: what it is made from."""

    name: str
    doc: tuple[str, ...]
    fields: tuple[Field, ...]
    keyword_only: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class Decoder:
    """The pair of private functions of a module that turn raw rows into one row class.

    suffix: "" for the table's own. class_name: "" for a single column, which is given as it is. table: what errors
    name. key: positions of the primary key in the row, for errors. many: it also decodes many rows at once.
    """

    suffix: str
    class_name: str
    table: str
    fields: tuple[Field, ...]
    key: tuple[int, ...]
    many: bool = True

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions of all fields; those that differ by the variable alone in chains of one line each, which cost
        less than one by one."""
        found: list[str] = []
        for kind, name in (("text", "str"), ("integer", "int")):
            plain = [one.local for one in self.fields if one.type.kind == kind and not one.type.nullable]
            while plain:
                width = max(1, len(plain))
                while width > 1 and sum(len(local) + 10 for local in plain[:width]) > _CHAIN:
                    width -= 1
                found.append(f"{' is '.join(f'type({local})' for local in plain[:width])} is {name}")
                plain = plain[width:]
        chained = {("text", False), ("integer", False)}
        rest = [one.check for one in self.fields if (one.type.kind, one.type.nullable) not in chained]
        return (*found, *filter(None, rest))

    @property
    def batches(self) -> tuple[tuple[int, Field], ...]:
        """The fields that are decoded for many rows in one scan, with their positions."""
        return tuple((place, one) for place, one in enumerate(self.fields) if one.batch)


@dataclass(frozen=True, slots=True)
class Function:
    """A public function. shape: the template's macro that prints it. facts: what only that macro needs."""

    shape: str
    name: str
    doc: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    result: str
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderConstant:
    """A constant that reads along an order: see `Order` in the generated _rows.py. select: the constant with the
    columns and the table. terms: the arguments of each `Term`. rowid_of: the constant with the statement that tells the
    rowid by the key, whose width is key_width. cut: a row's columns where the rowid is read behind them, else 0."""

    name: str
    select: str
    where: str
    terms: tuple[tuple[str, ...], ...]
    positions: tuple[int, ...]
    rowid_of: str = ""
    key_width: int = 0
    cut: int = 0
    comment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Insertion:
    """What insert, insert_many and upsert share: the encoder's fields, what it returns, where each value of the raw row
    comes from after RETURNING (`filled` by the database, or `values`). stamped: a column gets the present where it is
    left out."""

    fields: tuple[Field, ...]
    returned: tuple[str, ...]
    raw: tuple[tuple[str, int], ...]
    stamped: bool


@dataclass(frozen=True, slots=True)
class Module:
    """A module of queries/: a table's functions and the named queries beside them. table: None without a table."""

    name: str
    table: str | None
    doc: tuple[str, ...]
    choices: tuple[tuple[str, tuple[str, ...]], ...]
    constants: tuple[Constant, ...]
    orders: tuple[OrderConstant, ...]
    decoders: tuple[Decoder, ...]
    insertion: Insertion | None
    functions: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class SchemaPart:
    """A part of the schema for schema.py."""

    name: str
    tables: tuple[tuple[str, tuple[str, ...]], ...]
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """The whole output. runtime: the package whose leaves the output imports; None where it carries its own.
    types: the application's, for `_types.py`. double_quotes: the schema has texts in double quotes."""

    runtime: str | None
    classes: tuple[RowClass, ...]
    modules: tuple[Module, ...]
    parts: tuple[SchemaPart, ...]
    types: tuple[OwnType, ...] = ()
    double_quotes: bool = False
