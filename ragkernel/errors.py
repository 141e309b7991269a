"""Every error that ragkernel raises, and the one place where SQLite's errors become ragkernel's.

The tree has the specification's six branches below `SqlError`; finer types stand below those. Each error carries the
operation, the database's path, SQLite's extended result code and its name (https://www.sqlite.org/rescode.html) where
SQLite was asked, and a hint. Bound values never appear: not in the message, not in an attribute, not in a cause.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any


class SqlError(Exception):
    """The base of all errors of ragkernel.

    operation: what was being done. path: the database file. code, code_name: SQLite's extended result code and its
    name. hint: what to do about it. `message` is the sentence alone; `str(error)` is all of it on one line.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        path: str | None = None,
        code: int | None = None,
        code_name: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.path = path
        self.code = code
        self.code_name = code_name
        self.hint = hint

    def __str__(self) -> str:
        facts = [self.operation, self.path or "", self.code_name or ""]
        where = "; ".join(fact for fact in facts if fact)
        text = f"{self.message} [{where}]" if where else self.message
        return f"{text} Hint: {self.hint}" if self.hint else text


class ConnectionFailed(SqlError):
    """A connection could not be had: the file cannot be opened, the pool is exhausted, the service is closed."""


class NotADatabase(ConnectionFailed):
    """The file is not an SQLite database, is damaged or is encrypted."""


class PoolTimeout(ConnectionFailed):
    """No reader became free within the pool's connection timeout; the message names the holders."""


class ServiceClosed(ConnectionFailed):
    """The service was closed, or is being closed."""


class FileReplaced(ConnectionFailed):
    """The database file was deleted or replaced while it was open: what was written since then is not in the file that
    has its name now."""


class ConnectionMisused(ConnectionFailed):
    """A connection was used outside its `with` block, or by another thread than the one that entered it."""


class MigrationFailed(SqlError):
    """A migration could not be applied; the database is as it was before it."""


class MigrationHistoryChanged(MigrationFailed):
    """An applied migration's text differs from the file that this version of the code carries, or the file is gone."""


class SchemaTooNew(MigrationFailed):
    """The database was migrated by a newer version of the code."""


class QueryFailed(SqlError):
    """A statement failed; the transaction around it, if any, is still the caller's to end."""


class ConstraintFailed(QueryFailed):
    """A constraint of the schema was violated."""


class UniqueViolation(ConstraintFailed):
    """A UNIQUE or PRIMARY KEY constraint was violated."""


class NotNullViolation(ConstraintFailed):
    """A NOT NULL constraint was violated."""


class CheckViolation(ConstraintFailed):
    """A CHECK constraint was violated."""


class ForeignKeyViolation(ConstraintFailed):
    """A FOREIGN KEY constraint was violated: at the statement, or at COMMIT for a deferred one."""


class ReadOnlyConnection(QueryFailed):
    """Something was to be written through a Reader; use `with service.write() as conn:`."""


class NotAuthorized(QueryFailed):
    """The statement is one that only the kernel may run: ATTACH, transaction control, a PRAGMA that sets something."""


class DatabaseBusy(QueryFailed):
    """Another connection holds a lock for longer than the busy timeout."""


class DiskFull(QueryFailed):
    """The disk, or a quota, is full. Reads go on; nothing of the failed statement was kept."""


class DatabaseDamaged(QueryFailed):
    """SQLite found the file damaged; restore a backup."""


class NotFound(QueryFailed):
    """There is no knowledge base, or version of one, of that name."""


class ValueRefused(QueryFailed):
    """A value cannot be stored exactly in this column, or is not one of its allowed values. Raised before SQL runs.

    table, column: where it was to go. reason: what is wrong with it, without the value.
    """

    def __init__(self, table: str, column: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{table}.{column}: {reason}", operation=f"write {table}", hint=hint)
        self.table = table
        self.column = column
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.table, self.column, self.reason), self.__dict__


class DecodeError(QueryFailed):
    """A stored value is not of its column's type (another tool wrote it).

    table, column: where it stands. key: the row's primary key as text. reason: what is wrong, without the value.
    """

    def __init__(self, table: str, column: str, reason: str, *, key: str = "") -> None:
        row = f" (row {key})" if key else ""
        super().__init__(
            f"{table}.{column}{row}: {reason}",
            operation=f"read {table}",
            hint="another program wrote this value; correct it with an UPDATE",
        )
        self.table = table
        self.column = column
        self.reason = reason
        self.key = key

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.table, self.column, self.reason), self.__dict__


class BackupFailed(SqlError):
    """A backup could not be made; nothing stands under its final name."""


class BackupRefused(BackupFailed):
    """The file is no backup that can be restored here: foreign, damaged, newer than the code, of another layout."""


class ExportFailed(BackupFailed):
    """An archive of a knowledge base could not be written; nothing stands under its name."""


class TransactionFailed(SqlError):
    """A transaction could not be begun or committed; nothing of it was kept."""


class VersionRefused(TransactionFailed):
    """A version of a knowledge base cannot be used: it is not complete, or its documents were pruned."""


class WriterTimeout(TransactionFailed):
    """The write lock, or the place at the head of the queue, was not had in time; the message says who holds it."""


class TransactionDoomed(TransactionFailed):
    """SQLite rolled the transaction back by itself after an earlier error, which is this error's cause."""


class BulkStopped(TransactionFailed):
    """A bulk load was cut short: the first `rows_stored` rows are committed, the rest is not, but where the cause is an
    OutcomeUnknown of its own COMMIT: the `rows_unknown` rows after those (0 otherwise) may be committed, all or none.
    Its cause is the error that stopped it, be it the iterable's own."""

    def __init__(self, message: str, *, rows_stored: int = 0, rows_unknown: int = 0, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.rows_stored = rows_stored
        self.rows_unknown = rows_unknown


class OutcomeUnknown(TransactionFailed):
    """An I/O error during COMMIT: the transaction may have been committed. Ask the data (an id, a content hash)."""


class ConfigurationError(SqlError):
    """The configuration is wrong, or does not fit the files it names."""


class ForeignApplication(ConfigurationError):
    """The file is the database of another application (its application_id says so)."""


class LayoutMismatch(ConfigurationError):
    """The file belongs to another layout (single or split), or to another pair of files, than the configuration."""


class PartnerMissing(LayoutMismatch):
    """One file of a pair is there, and the other one is missing or empty."""


class PairOutOfStep(LayoutMismatch):
    """The two files of a pair are of two moments: one of them was put back without the other."""


class RestoreInterrupted(ConfigurationError):
    """A restore of a pair was cut short between its two files; run it again, as the hint says."""


class ArchiveRefused(ConfigurationError):
    """The file is no archive of a knowledge base that can be taken: damaged, altered, or of a newer form."""


_CONSTRAINTS: dict[int, type[ConstraintFailed]] = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: UniqueViolation,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: UniqueViolation,
    sqlite3.SQLITE_CONSTRAINT_ROWID: UniqueViolation,
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: NotNullViolation,
    sqlite3.SQLITE_CONSTRAINT_CHECK: CheckViolation,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: ForeignKeyViolation,
}

# Primary result code → the error's type and its hint.
_PRIMARY: dict[int, tuple[type[SqlError], str]] = {
    sqlite3.SQLITE_BUSY: (DatabaseBusy, "another process holds the lock; try again, or raise busy_timeout"),
    sqlite3.SQLITE_LOCKED: (DatabaseBusy, "a statement of this connection is still running; finish it first"),
    sqlite3.SQLITE_READONLY: (ReadOnlyConnection, "write inside `with service.write() as conn:`"),
    sqlite3.SQLITE_AUTH: (NotAuthorized, "the kernel owns transactions, ATTACH and settings; use its methods"),
    sqlite3.SQLITE_FULL: (DiskFull, "free some space and try again; reading goes on meanwhile"),
    sqlite3.SQLITE_CORRUPT: (DatabaseDamaged, "restore the last backup: ragkernel restore FILE"),
    sqlite3.SQLITE_NOTADB: (NotADatabase, "the file is damaged, encrypted or not an SQLite database"),
    sqlite3.SQLITE_CANTOPEN: (ConnectionFailed, "check that the folder exists and that you may write to it"),
    sqlite3.SQLITE_PERM: (ConnectionFailed, "check the permissions of the file and of its folder"),
}

# The name of a column is of the statement; the text behind it is a stored value.
_NOT_UTF8 = re.compile(r"Could not decode to UTF-8 column '([^']*)' with text")
_QUOTED = re.compile(r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'")

# Messages that are made of the schema, the statement and types alone.
_OPEN = re.compile(
    r"(NOT NULL|UNIQUE|CHECK|FOREIGN KEY) constraint failed"
    r"|no such (table|index|view|trigger|function|collation sequence|module|savepoint)\b"
    r"|Error binding parameter \d+: type "
)


def redacted(message: str, sql: str) -> str:
    """SQLite's message, on one line, without what may be a bound value.

    Bound values come into messages in quotes (JSON paths), after a colon (`no such column: …` for a full-text query,
    `unable to open database: …`) and as undecodable text. Such a part stays only where the statement holds it too.
    """
    message, sql = " ".join(message.split()), " ".join(sql.split())
    if _OPEN.match(message):
        return message
    if message.startswith("Could not decode to UTF-8"):
        column = _NOT_UTF8.match(message)
        return f"a stored text of the column {column[1]} is not UTF-8" if column else "a stored text is not UTF-8"
    message = _QUOTED.sub(lambda part: part.group() if part.group()[1:-1] in sql else "(value)", message)
    head, colon, tail = message.partition(": ")
    echoed = colon and tail != "syntax error" and tail.strip("[]\"'") not in sql
    return f"{head}: (value)" if echoed else message


def _shortened(sql: str) -> str:
    text = " ".join(sql.split())
    return text if len(text) <= 200 else f"{text[:200].rpartition(' ')[0]} …"


def translate(error: BaseException, *, operation: str, path: str | None = None, sql: str = "") -> SqlError:
    """The SqlError for an exception that the sqlite3 module raised; an SqlError is returned as it is.

    operation: what was being done. path: the database. sql: the statement, if any (its text is quoted, its values
    never). Raise the result `from None`: the original's message may hold bound values.
    """
    if isinstance(error, SqlError):
        return error
    code: int | None = getattr(error, "sqlite_errorcode", None)
    name: str | None = getattr(error, "sqlite_errorname", None)
    kind: type[SqlError] = QueryFailed
    hint = ""
    if code is not None:
        kind, hint = _PRIMARY.get(code & 0xFF, (QueryFailed, ""))
        if code & 0xFF == sqlite3.SQLITE_CONSTRAINT:
            kind = _CONSTRAINTS.get(code, ConstraintFailed)
    if isinstance(error, UnicodeEncodeError):
        message = "a text holds a lone surrogate, which SQLite cannot store"
    elif isinstance(error, OverflowError):
        message = "an integer lies outside SQLite's 64 bits"
    else:
        message = redacted(str(error), sql)
    if message.startswith("no such table"):
        hint = "another process may have migrated the schema (`ragkernel status` shows it), or it is not of this file"
    where = f"{operation}: {_shortened(sql)}" if sql else operation
    return kind(message, operation=where, path=path, code=code, code_name=name, hint=hint)
