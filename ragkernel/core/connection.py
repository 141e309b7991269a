"""The only place that opens an SQLite connection, and the class that every connection of the kernel has.

`isolation_level=None`: the kernel owns every BEGIN (hazards 1 and 2). `check_same_thread=False`: a pool closes
connections of threads that ended; the leases check the thread instead (hazard 14). The database file is never opened
by anything but SQLite: closing such a descriptor would drop SQLite's locks (hazard 17).
"""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from typing import TYPE_CHECKING, Any

from ragkernel.errors import (
    ConfigurationError,
    ConnectionFailed,
    ForeignApplication,
    NotADatabase,
    SqlError,
    translate,
)

from . import pragmas
from .pragmas import APPLICATION_ID, MAINTENANCE, WRITER, Capped, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

# Older versions lack RETURNING, STRICT or PRAGMA table_list (https://www.sqlite.org/changes.html#version_3_37_0).
MINIMUM_SQLITE = (3, 37, 0)

# Statements kept prepared per connection; above the default of 128 a busy application thrashes.
CACHED_STATEMENTS = 512

# Statements that a caller's own SQL may contain; every other PRAGMA is the kernel's.
_READING_PRAGMAS = frozenset(
    "application_id busy_timeout cache_size collation_list compile_options data_version database_list encoding"
    " foreign_key_check foreign_key_list foreign_keys freelist_count function_list index_info index_list index_xinfo"
    " integrity_check journal_mode journal_size_limit mmap_size module_list page_count page_size pragma_list query_only"
    " quick_check schema_version synchronous table_info table_list table_xinfo temp_store trusted_schema user_version"
    " wal_autocheckpoint".split()
)
_TAKES_ARGUMENT = frozenset(
    "foreign_key_check foreign_key_list index_info index_list index_xinfo integrity_check quick_check table_info"
    " table_list table_xinfo".split()
)


_READ_ONLY_HINT = "check the owner, the mode and the mount of the file and of its folder"


class Connection(sqlite3.Connection):
    """An SQLite connection of the kernel: knows its path, and whether the kernel itself is speaking."""

    path: str
    permit: Permit

    def run_kernel(self, sql: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run a statement of the kernel's own (BEGIN, COMMIT, PRAGMA), which the authorizer denies to callers."""
        permit = self.permit
        permit.kernel = True
        try:
            return self.execute(sql, parameters)
        finally:
            permit.kernel = False


class Permit:
    """Whether the kernel itself is speaking. An object of its own, so that the authorizer does not refer back to the
    connection that holds it."""

    __slots__ = ("kernel",)

    def __init__(self) -> None:
        self.kernel = False


def _authorizer(permit: Permit) -> Callable[[int, str | None, str | None, str | None, str | None], int]:
    """Deny ATTACH, transaction control, temporary objects and setting PRAGMAs to all but the kernel (hazard 9).

    SQLite asks while it prepares a statement, so a cached statement costs nothing.
    """
    creating = {
        *(sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_INDEX),
        *(sqlite3.SQLITE_CREATE_TRIGGER, sqlite3.SQLITE_CREATE_VIEW),
    }
    owned = {
        *(sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT),
        # A temporary object would outlive the scope on its connection, and hide a table from whoever gets that next.
        *(sqlite3.SQLITE_CREATE_TEMP_TABLE, sqlite3.SQLITE_CREATE_TEMP_INDEX),
        *(sqlite3.SQLITE_CREATE_TEMP_TRIGGER, sqlite3.SQLITE_CREATE_TEMP_VIEW),
    }

    def authorize(action: int, first: str | None, second: str | None, database: str | None, _in: str | None) -> int:
        if permit.kernel:
            return sqlite3.SQLITE_OK
        if action in owned or (database == "temp" and action in creating):
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_PRAGMA:
            name = (first or "").lower()
            if name not in _READING_PRAGMAS or (second is not None and name not in _TAKES_ARGUMENT):
                return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    return authorize


def require_sqlite() -> None:
    """Raise ConfigurationError when the SQLite library is older than MINIMUM_SQLITE."""
    if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
        wanted = ".".join(map(str, MINIMUM_SQLITE))
        raise ConfigurationError(
            f"SQLite {sqlite3.sqlite_version} is too old, {wanted} is the oldest that ragkernel supports",
            operation="open",
            hint="use a Python that is built with a newer SQLite",
        )


def create_file(path: str) -> None:
    """Create an empty database file that only its owner may read and write (0600), if there is none.

    SQLite gives -wal and -shm the mode of the database, so they are private too. Raises ConnectionFailed where the path
    cannot be a database file. The caller holds the registry's lock: no connection of this process is open on the file.
    """
    if os.path.lexists(path):  # it may be live: not even an open() that fails
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise _cannot_open(path, error) from None


def require_file(path: str) -> os.stat_result:
    """The stat of the database file; ConnectionFailed where it is missing or something else than a file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise _cannot_open(path, error) from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise ConnectionFailed(f"the path is {kind}", operation="open", path=path, hint="name a database file")
    return status


def _cannot_open(path: str, error: OSError | ValueError) -> ConnectionFailed:
    folder = os.path.dirname(path) or "."
    if isinstance(error, FileNotFoundError) and not os.path.isdir(folder):
        reason, hint = "its folder does not exist", f"create the folder {folder}"
    elif isinstance(error, FileNotFoundError):
        reason, hint = "the file does not exist", "check the path"
    elif isinstance(error, PermissionError):
        reason, hint = "permission denied", "check the owner and the mode of the file and of its folder"
    else:
        reason, hint = getattr(error, "strerror", None) or str(error), "check the path"
    return ConnectionFailed(f"cannot open the database: {reason}", operation="open", path=path, hint=hint)


def _uri(path: str, mode: str) -> str:
    """A file: URI, percent-encoded byte by byte, so that every file name works and nothing is created by accident."""
    safe = b"/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
    quoted = "".join(chr(byte) if byte in safe else f"%{byte:02x}" for byte in os.fsencode(os.path.abspath(path)))
    return f"file:{quoted}?mode={mode}"


def open_connection(path: str, role: str, settings: Settings) -> tuple[Connection, list[Capped]]:
    """Open an existing database file in the given role, with the whole bootstrap applied and read back.

    Returns the connection and the settings that SQLite capped. Raises ConnectionFailed, NotADatabase,
    ForeignApplication, ConfigurationError, DatabaseBusy; nothing stays open then.
    """
    connection = open_plain(path)
    try:
        if role == WRITER and not _may_write(path):  # SQLite would open it for reading, without a word
            raise ConnectionFailed(
                "the database file may not be written", operation="open", path=path, hint=_READ_ONLY_HINT
            )
        _defend(connection, role)
        refuse_foreign(connection, settings.busy_timeout_ms / 1000)
        capped = pragmas.bootstrap(connection, role, settings)
        if role != MAINTENANCE:
            connection.set_authorizer(_authorizer(connection.permit))
        return connection, capped
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise opening_failed(error, path) from None
        raise


def open_plain(path: str, *, create: bool = False, immutable: bool = False, read_only: bool = False) -> Connection:
    """Open a file that is not a live database of this process (a backup, a copy), without the bootstrap; but other
    processes may have it open, so that here too nothing is checkpointed by SQLite itself (hazard 22).

    create: make the file first, mode 0600. immutable: promise SQLite that nobody changes the file, so that reading it
    leaves no -wal or -shm behind (https://www.sqlite.org/uri.html#uriimmutable). read_only: without that promise; what
    stands in a -wal is read, and stays there when the connection is closed.
    """
    if create:
        create_file(path)
    require_file(path)
    uri = _uri(path, "ro" if immutable or read_only else "rw") + ("&immutable=1" if immutable else "")
    try:
        connection = sqlite3.connect(
            uri,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=CACHED_STATEMENTS,
            factory=Connection,
            timeout=0,
        )
    except sqlite3.Error as error:
        raise opening_failed(error, path) from None
    connection.path = path
    connection.permit = Permit()
    pragmas.forbid_automatic_checkpoints(connection)
    return connection


def _defend(connection: Connection, role: str) -> None:
    """Limits and switches that a caller's SQL cannot undo. VACUUM attaches a file inside, hence one for maintenance."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 1 if role == MAINTENANCE else 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 1_000_000)
    if sys.version_info >= (3, 12):
        for switch in (sqlite3.SQLITE_DBCONFIG_DQS_DDL, sqlite3.SQLITE_DBCONFIG_DQS_DML):
            connection.setconfig(switch, False)  # "text" is a name, never a string (hazard 8)
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)


def refuse_foreign(connection: Connection, seconds: float) -> None:
    """Raise ForeignApplication for another application's database. seconds: how long to wait where it is locked."""
    found = pragmas.application_id(connection, seconds=seconds)
    if found not in (0, APPLICATION_ID):
        raise ForeignApplication(
            f"the database belongs to another application (application_id {found:#010x})",
            operation="open",
            path=connection.path,
            hint="give ragkernel a database file of its own",
        )


def _may_write(path: str) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def opening_failed(error: sqlite3.Error, path: str) -> SqlError:
    """The SqlError for what SQLite said when a file was opened, or looked at for the first time."""
    failure = translate(error, operation="open", path=path)
    if failure.code is not None and failure.code & 0xFF == sqlite3.SQLITE_CORRUPT:
        return NotADatabase(
            failure.message, operation="open", path=path, code=failure.code, code_name=failure.code_name,
            hint="the file is damaged; restore a backup",
        )  # fmt: skip
    blocked = failure.code is not None and failure.code & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
    if blocked and not (_may_write(path) and _may_write(os.path.dirname(path) or ".")):
        return ConnectionFailed(
            "the database file, or its folder, may not be written; WAL mode needs both", operation="open",
            path=path, code=failure.code, code_name=failure.code_name, hint=_READ_ONLY_HINT,
        )  # fmt: skip
    return failure
