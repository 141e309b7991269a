"""A Reader and Writer over a plain sqlite3 connection, with the few lines that the protocols ask for."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ragkernel.connections import RawRow, Result
from ragkernel.errors import translate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from ragkernel.connections import Parameters, Writer


class Connection:
    """Satisfies Writer. `statements` records the SQL of every call."""

    def __init__(self, path: str = ":memory:") -> None:
        self.raw = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        self.raw.execute("PRAGMA foreign_keys = ON")
        self.statements: list[str] = []

    def close(self) -> None:
        self.raw.close()

    def _run(self, sql: str, parameters: Parameters) -> sqlite3.Cursor:
        self.statements.append(sql)
        try:
            return self.raw.execute(sql, parameters)
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            raise translate(error, operation="statement", sql=sql) from None

    def execute(self, sql: str, parameters: Parameters = (), /) -> Result:
        cursor = self._run(sql, parameters)
        columns = tuple(one[0] for one in cursor.description or ())
        return Result(cursor.fetchall(), columns, cursor.rowcount, cursor.lastrowid)

    def fetch_one(self, sql: str, parameters: Parameters = (), /) -> RawRow | None:
        rows = self._run(sql, parameters).fetchall()
        return rows[0] if rows else None

    def fetch_all(self, sql: str, parameters: Parameters = (), /) -> list[RawRow]:
        return self._run(sql, parameters).fetchall()

    def stream(self, sql: str, parameters: Parameters = (), /, *, batch_size: int = 1000) -> Iterator[list[RawRow]]:
        cursor = self._run(sql, parameters)
        try:
            while rows := cursor.fetchmany(batch_size):
                yield rows
        finally:
            cursor.close()

    def write_one(self, sql: str, parameters: Parameters = (), /) -> RawRow | None:
        return self.fetch_one(sql, parameters)

    def write_all(self, sql: str, parameters: Parameters = (), /) -> list[RawRow]:
        return self.fetch_all(sql, parameters)

    def change(self, sql: str, parameters: Parameters = (), /) -> int:
        return self._run(sql, parameters).rowcount

    def change_many(self, sql: str, rows: Iterable[Parameters], /) -> int:
        self.statements.append(sql)
        try:
            return self.raw.executemany(sql, rows).rowcount
        except sqlite3.Error as error:
            raise translate(error, operation="statement", sql=sql) from None

    def savepoint(self) -> AbstractContextManager[None]:
        return self._savepoint()

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        self.raw.execute("SAVEPOINT test")
        try:
            yield
        except BaseException:
            self.raw.execute("ROLLBACK TO test")
            self.raw.execute("RELEASE test")
            raise
        self.raw.execute("RELEASE test")


def as_writer(connection: Connection) -> Writer:
    """The type checker's proof that Connection satisfies the protocol."""
    return connection
