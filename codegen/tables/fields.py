"""Columns → Fields: everything that generated code knows about one value."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import naming
from ..ir import Field
from ..reading.definitions import stored_tokens
from ..reading.tokens import BLOB, NAME, NUMBER, STRING, WORD
from ..reading.virtual import RTREES
from ..types import typemap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reading.catalog import Column, Table
    from ..types.typemap import Type

NOW = "CURRENT_TIMESTAMP"
_WORDS = ("NULL", "TRUE", "FALSE", "CURRENT_DATE", "CURRENT_TIME", NOW)  # the words that are values


def make_field(
    table: str,
    column: str,
    attribute: str,
    place: int,
    kind: Type,
    *,
    default: str | None = None,
    generated: bool = False,
    stamped: bool = False,
    choices_constant: str = "",
) -> Field:
    """A field from a column's name and type.

    default: the Python default of its parameter, None where it is required. stamped: see is_stamped.
    choices_constant: the module constant for the values of a Literal, by default named after the attribute.
    """
    local = naming.local(attribute, place)
    choices = choices_constant or f"_{attribute.upper()}_CHOICES"
    listed = f", {choices}" if kind.choices else f", _types.{kind.own.codec}" if kind.own else ", ()"
    filled = default == "None" and not kind.nullable
    bind = typemap.bind(kind, table, column, attribute, choices)
    encode = typemap.encode(replace(kind, nullable=kind.nullable or filled), table, column, local, choices)
    if stamped:
        missing = "_rows.UNSET" if kind.nullable else "None"
        given = f"elif {local} is not None:" if kind.nullable else "else:"
        encode = (f"if {local} is {missing}:", f"    {local} = now = now or _values.now_text()", given, *encode[1:])
    elif default == "_rows.UNSET":
        encode = (f"if {local} is not None and {local} is not _rows.UNSET:", *encode[1:])
    return Field(
        column=column,
        attribute=attribute,
        local=local,
        type=kind,
        choices_constant=choices,
        read=kind.read,
        write=kind.optional if default == "_rows.UNSET" else kind.write + (" | None" if filled else ""),
        default=default,
        check=typemap.check(kind, local, choices),
        wrong=typemap.wrong(kind, local, choices),
        decode=typemap.decode(kind, local),
        batch=kind.kind == "json",
        encode=encode,
        bind=bind,
        facts=f"({typemap.quoted(column)}, {typemap.quoted(kind.stored.kind)}, {kind.nullable}{listed})",
        generated=generated,
    )


@dataclass(frozen=True, slots=True)
class Written:
    """How insert writes a column. sql: its term in VALUES. filled: the database may fill it in, so it is returned."""

    field: Field
    sql: str
    filled: bool


def table_fields(table: Table, *, types: Sequence[Type] = (), rowid: bool = False) -> tuple[Written, ...]:
    """The fields of a table in the order of its columns, with how insert writes each.

    types: of a view's columns, where the declared ones do not tell. rowid: the last column is the table's rowid.
    """
    attributes = naming.attributes([column.name for column in table.columns], rowid=rowid)
    types = types or [typemap.column_type(column) for column in table.columns]
    return tuple(
        _written(table, column, attribute, place, kind)
        for place, (column, attribute, kind) in enumerate(zip(table.columns, attributes, types, strict=True))
    )


def _written(table: Table, column: Column, attribute: str, place: int, kind: Type) -> Written:

    def field(default: str | None) -> Field:
        made = make_field(
            table.name,
            column.name,
            attribute,
            place,
            kind,
            default=default,
            generated=column.generated,
            stamped=is_stamped(column),
        )
        return _in_32_bits(table, column, made)

    changes = kind.stored.kind in typemap.RENUMBERED  # SQLite may keep 10.0 as 10
    if column.generated:
        return Written(field(None), "", True)
    if column.name == table.rowid_column:
        return Written(field("None"), "?", True)
    if column.default is None or column.default.upper() == "NULL":
        return Written(field("None" if kind.nullable else None), "?", changes)
    expression = default_expression(column.default)
    default = python_default(expression, kind)
    if default is not None:
        return Written(field(default), "?", changes)
    if is_stamped(column):
        return Written(field("_rows.UNSET" if kind.nullable else "None"), "?", False)
    # A default that only SQLite can tell. For a NOT NULL column None means "the default"; for a nullable one None is
    # NULL, so leaving the parameter out is told apart by UNSET.
    if kind.nullable:
        return Written(field("_rows.UNSET"), f"iif(?, {expression}, ?)", True)
    return Written(field("None"), f"coalesce(?, {expression})", True)


def _in_32_bits(table: Table, column: Column, field: Field) -> Field:
    """The field of an R*Tree's coordinate refuses what 32 bits do not hold (https://www.sqlite.org/rtree.html)."""
    if table.module not in RTREES or column.key or not column.stores:
        return field
    call = f"_values.{field.type.kind}32({typemap.quoted(table.name)}, {typemap.quoted(column.name)}, "
    bind = f"{call}{field.attribute})"
    return replace(field, encode=(f"{field.local} = {call}{field.local})",), bind=bind)


def default_expression(default: str) -> str:
    """A default as an expression: there a word or a quoted name alone is a text (`DEFAULT new`), elsewhere a column
    (https://www.sqlite.org/lang_createtable.html#the_default_clause)."""
    tokens = stored_tokens(default, "default")
    if len(tokens) != 1 or not (tokens[0].kind == NAME or (tokens[0].kind == WORD and not tokens[0].is_word(*_WORDS))):
        return default
    return "'" + tokens[0].value.replace("'", "''") + "'"


def is_stamped(column: Column) -> bool:
    """Whether a column holds the moment at which its row was made: a DATETIME with DEFAULT CURRENT_TIMESTAMP.

    Generated code gives such a moment itself, by the kernel's clock: asking SQLite for it by RETURNING costs a quarter
    of an insert, and its seconds would sort before the microseconds of an earlier update.
    """
    return typemap.column_type(column).kind == "moment" and (column.default or "").upper() == NOW


def python_default(default: str, kind: Type) -> str | None:
    """The Python literal for a default's SQL text; None where only SQLite can tell (expressions, moments, JSON)."""
    tokens = stored_tokens(default, "default")
    while len(tokens) > 2 and tokens[0].text == "(" and tokens[-1].text == ")":
        tokens = tokens[1:-1]
    sign = ""
    if len(tokens) == 2 and tokens[0].text in "+-":
        sign, tokens = tokens[0].text.replace("+", ""), tokens[1:]
    if len(tokens) != 1:
        return None
    token = tokens[0]
    if kind.kind == "flag":
        known = {"TRUE": "True", "1": "True", "FALSE": "False", "0": "False"}
        return None if sign else known.get(token.text.upper())
    if kind.kind in ("text", "choice") and token.kind == STRING:
        return typemap.literal(token.value)
    if kind.kind == "blob" and token.kind == BLOB and not sign:
        return _double_quoted(bytes.fromhex(token.text[2:-1]))
    if token.kind == NUMBER and kind.kind in ("integer", "choice", "real", "number"):
        number = _number(token.text, real=kind.kind == "real")
        return None if number == "inf" else sign + number  # Python has no literal for 9e999
    return None


def _number(text: str, *, real: bool) -> str:
    value = ast.literal_eval(text.lstrip("0") or "0") if text.isdigit() else ast.literal_eval(text)
    return repr(float(value) if real else value)


def _double_quoted(value: bytes) -> str:
    text = repr(value)
    return f'b"{text[2:-1]}"' if text[1] == "'" and b'"' not in value else text
