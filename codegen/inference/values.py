"""The type of a value inside an expression, and how two of them become one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..types.typemap import Type, column_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..reading.catalog import Column, Literal, Table
    from ..types.typemap import OwnType

UNKNOWN = ""
NULL = "null"
# kind → the storage classes that a value of it can have.
STORED: dict[str, frozenset[str]] = {
    "text": frozenset({"text"}),
    "plain_text": frozenset({"text"}),
    "moment": frozenset({"text"}),
    "json": frozenset({"text"}),
    "integer": frozenset({"integer"}),
    "flag": frozenset({"integer"}),
    "real": frozenset({"real"}),
    "number": frozenset({"integer", "real"}),
    "blob": frozenset({"blob"}),
    "plain_json": frozenset({"text", "integer", "real"}),
    "json_scalar": frozenset({"text", "integer", "real"}),
    "scalar": frozenset({"text", "integer", "real", "blob"}),
    "plain_scalar": frozenset({"text", "integer", "real", "blob"}),
    "real_scalar": frozenset({"text", "integer", "real", "blob"}),
    NULL: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of an expression's value. kind: of typemap, "" where nothing is known. origin: the table and column
    that it is as it is. own: the application's class of kind "own". listed: the name of the parameter whose JSON list
    it is an item of, "" otherwise."""

    kind: str
    nullable: bool
    choices: tuple[Literal, ...] = ()
    origin: tuple[Table, Column] | None = None
    listed: str = ""
    own: OwnType | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Value) and self.facts == other.facts

    def __hash__(self) -> int:
        return hash(self.facts)

    @property
    def facts(self) -> tuple[str, bool, tuple[Literal, ...], str, OwnType | None]:
        return self.kind, self.nullable, self.choices, self.listed, self.own

    @property
    def stored(self) -> frozenset[str]:
        """The storage classes that it can have, NULL aside."""
        if self.kind == "choice":
            return STORED["integer" if isinstance(self.choices[0], int) else "text"]
        kind = self.own.stored if self.own is not None else self.kind
        return STORED.get(kind, STORED["scalar"])

    @property
    def type(self) -> Type | None:
        """As a type of the generated code; None where it is not known."""
        return Type(self.kind, self.nullable, self.choices, self.own) if self.kind else None

    def with_null(self, nullable: bool) -> Value:
        return self if self.nullable == nullable else replace(self, nullable=nullable)

    @property
    def computed(self) -> Value:
        """The same value where it is not the column itself any more."""
        return replace(self, origin=None, listed="") if self.origin or self.listed else self


NOTHING = Value(UNKNOWN, True)
INTEGER = Value("integer", False)
REAL = Value("real", False)
TEXT = Value("text", False)
BLOB = Value("blob", False)
NUMBER = Value("number", False)
JSON_SCALAR = Value("json_scalar", False)
SCALAR = Value("scalar", False)
ONLY_NULL = Value(NULL, True)


def of_column(table: Table, column: Column) -> Value:
    """The value of a table's column."""
    return replace(of_type(column_type(column)), origin=(table, column))


def of_type(kind: Type) -> Value:
    """A value of this type."""
    return Value(kind.kind, kind.nullable, kind.choices, own=kind.own)


def of_stored(stored: Iterable[str], nullable: bool) -> Value:
    """A value that has one of these storage classes."""
    classes = frozenset(stored)
    for kind in ("integer", "real", "text", "blob", "number", "json_scalar"):
        if classes and classes <= STORED[kind]:
            return Value(kind, nullable)
    return Value("scalar" if classes else NULL, nullable or not classes)


def unite(values: Iterable[Value]) -> Value:
    """What a value is that is any of these. Kinds that agree stay; others become the storage classes that they have."""
    known = list(values)
    if not known:
        return ONLY_NULL
    nullable = any(one.nullable for one in known)
    given = [one for one in known if one.kind != NULL]
    if not given:
        return ONLY_NULL
    first = given[0]
    if any(one.kind == UNKNOWN for one in given):
        return Value(UNKNOWN, nullable)
    if all(one.kind == first.kind and one.own == first.own for one in given):
        same = all(one.origin is not None and one.origin == first.origin for one in given)
        listed = first.listed if all(one.listed == first.listed for one in given) else ""
        if first.kind != "choice":
            return Value(first.kind, nullable, (), first.origin if same else None, listed, first.own)
        if all(one.stored == first.stored for one in given):
            choices = tuple(dict.fromkeys(choice for one in given for choice in one.choices))
            return Value("choice", nullable, choices, first.origin if same else None)
    return of_stored(frozenset[str]().union(*(one.stored for one in given)), nullable)
