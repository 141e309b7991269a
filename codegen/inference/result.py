"""What inference says about one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..reading.catalog import Column, Table
    from ..types.typemap import Type


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A result column. name: as SQLite's cursor gives it, perhaps twice. type: None where it is not known. origin: the
    table and column that it is read from as it is, and where NOT NULL there is NOT NULL here. source: the name or
    alias, in lower case, of the outermost FROM item that it is read from as it is; "" for anything else."""

    name: str
    type: Type | None
    origin: tuple[Table, Column] | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class InferredParameter:
    """A parameter. type: None where it is not known, for the `reason`. table, column: what errors name. many: it is a
    JSON list, `json_each(:p)`; the type is that of its items."""

    name: str
    type: Type | None
    table: str = ""
    column: str = ""
    many: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FromItem:
    """An item of the outermost FROM. table: None for a subquery or a table function. nullable: an outer join may leave
    it out as a whole."""

    name: str
    table: Table | None
    nullable: bool


@dataclass(frozen=True, slots=True)
class Inference:
    """columns: none for a statement without rows. parameters: in order of first appearance. one_row: it always gives
    exactly one row. sources: the items of the outermost FROM by lower-case name."""

    columns: tuple[ResultColumn, ...]
    parameters: tuple[InferredParameter, ...]
    one_row: bool
    sources: Mapping[str, FromItem]
