"""The types of a statement's result columns and parameters. Sound first: a column that can be NULL is never said to be
NOT NULL, and what is not certain is not known; then exact."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ..infer import Touched, result_columns, shadow
from ..parameters import statement_parameters
from ..typemap import Type, column_type
from .result import FromItem, Inference, InferredParameter, ResultColumn

if TYPE_CHECKING:
    from ..catalog import Catalog, Table
    from ..tokens import Statement

__all__ = ["FromItem", "Inference", "InferredParameter", "ResultColumn", "infer", "view_columns"]


def infer(statement: Statement, catalog: Catalog, connection: sqlite3.Connection) -> Inference:
    """What a statement gives and takes. connection: holds the schema; the statement has been prepared on it. Raises
    GenerationError at the statement's place."""
    touched = _touched(statement, connection)
    shadows = shadow(catalog)
    try:
        columns = result_columns(touched, catalog, shadows)
    finally:
        shadows.close()
    return Inference(columns, statement_parameters(touched, catalog), False, {})


def view_columns(view: Table, catalog: Catalog, connection: sqlite3.Connection) -> tuple[ResultColumn, ...]:
    """The columns of a view with their types."""
    return tuple(ResultColumn(one.name, Type(column_type(one).kind, True)) for one in view.columns)


def _touched(statement: Statement, connection: sqlite3.Connection) -> Touched:
    written: list[str] = []
    read: list[str] = []

    def authorize(action: int, first: str | None, second: str | None, base: str | None, view: str | None) -> int:
        if action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE) and first:
            written.append(first)
        elif action == sqlite3.SQLITE_READ and first:
            read.append(first)
        return sqlite3.SQLITE_OK

    connection.set_authorizer(authorize)
    try:
        values = {token.value: None for token in statement.tokens if token.kind == "parameter"}
        connection.execute(f"EXPLAIN {statement.sql}", values)
    finally:
        connection.set_authorizer(None)
    return Touched(statement, bool(written), tuple(dict.fromkeys([*written, *read])))
