"""The catalogue: queries over schemas of several kinds with the row types that SQL's rules give them, written by hand.

Above each query stand `-- expect: NAME TYPE, …` for its columns and, where it has any, `-- params: NAME TYPE, …`. A
type is int, float, str, bytes, bool, datetime, json, number (int or float), json_scalar (str, int or float), scalar,
null, any (not known), or {a|b} for a choice; `?` says that it may be NULL, `*` that it is a JSON list of such.
`-- inexact: REASON` marks what is known to be inferred soundly, but not exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.inference import Inference, infer
from codegen.reading.introspect import read_schema
from codegen.reading.sources import Script
from codegen.reading.tokens import Statement, split

if TYPE_CHECKING:
    import sqlite3

    from codegen.reading.catalog import Catalog
    from codegen.types.typemap import Type

ROOT = Path(__file__).parent / "catalogue"
_WORDS = {
    "integer": "int",
    "real": "float",
    "text": "str",
    "plain_text": "str",
    "blob": "bytes",
    "flag": "bool",
    "moment": "datetime",
    "json": "json",
    "number": "number",
    "json_scalar": "json_scalar",
    "scalar": "scalar",
    "plain_scalar": "scalar",
    "real_scalar": "scalar",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A query with what is expected of it."""

    statement: Statement
    columns: str
    parameters: str
    inexact: str

    @property
    def place(self) -> str:
        return f"{Path(self.statement.file).parent.name}/{Path(self.statement.file).name}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A schema and the queries over it."""

    catalog: Catalog
    connection: sqlite3.Connection
    entries: tuple[Entry, ...]


@cache
def shelves() -> tuple[Shelf, ...]:
    """The whole catalogue."""
    return tuple(_shelf(folder) for folder in sorted(ROOT.iterdir()) if folder.is_dir())


def _shelf(folder: Path) -> Shelf:
    schema = folder / "schema.sql"
    catalog, connection = read_schema([Script(str(schema), schema.read_text())], note=lambda note: None, strict=False)
    entries = [
        _entry(statement)
        for file in sorted(folder.glob("*.sql"))
        if file != schema
        for statement in split(file.read_text(), str(file))
    ]
    return Shelf(catalog, connection, tuple(entries))


def _entry(statement: Statement) -> Entry:
    said = {}
    for token in statement.above:
        word, _, text = token.text.removeprefix("--").strip().partition(":")
        said[word] = text.strip()
    return Entry(statement, said["expect"], said.get("params", ""), said.get("inexact", ""))


def word(kind: Type | None) -> str:
    """A type as the catalogue writes it."""
    if kind is None:
        return "any"
    if kind.kind == "null":
        return "null"
    text = "{" + "|".join(map(str, kind.choices)) + "}" if kind.choices else _WORDS[kind.kind]
    return text + "?" if kind.nullable else text


def columns(found: Inference) -> str:
    """The columns that were inferred, as the catalogue writes them."""
    return ", ".join(f"{one.name} {word(one.type)}" for one in found.columns)


def parameters(found: Inference) -> str:
    """The parameters that were inferred, as the catalogue writes them, in its order."""
    return ", ".join(f"{one.name} {word(one.type)}{'*' if one.many else ''}" for one in found.parameters)


def inferred(shelf: Shelf, entry: Entry) -> Inference:
    return infer(entry.statement, shelf.catalog, shelf.connection)
