"""SqlConfig: every setting of the kernel, checked when it is made.

A value that is wrong raises ConfigurationError at once, naming the field, what was given, what is allowed and where it
came from; nothing is found out later, inside a connection. Settings are no bound values: they are shown in errors.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, dataclass_transform

from ragkernel.config_rules import RULES, WalMode, read_environment, read_toml, settle
from ragkernel.errors import ConfigurationError

__all__ = ["SqlConfig", "WalMode"]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self, TypedDict, Unpack

    from ragkernel.config_rules import AnyPath

    class _Common(TypedDict, total=False):
        app_pool_size: int
        app_connection_timeout: timedelta
        app_wal_mode: WalMode
        events_pool_size: int
        events_connection_timeout: timedelta
        events_wal_mode: WalMode
        busy_timeout: timedelta
        journal_size_limit: int
        checkpoint_interval: timedelta
        vacuum_interval: timedelta
        backup_enabled: bool
        backup_interval: timedelta
        backup_dir: AnyPath | None
        migration_backup: bool
        migration_timeout: timedelta
        durable_events: bool
        checkpoint_pages: int
        mmap_size: int
        cache_size_kib: int

    class _All(_Common, total=False):
        app_db_path: AnyPath
        events_db_path: AnyPath | None
        use_split_databases: bool


_LAYOUT = frozenset({"app_db_path", "events_db_path", "use_split_databases"})  # what _agree looks at


def _agree(values: Mapping[str, Any], source: str) -> None:
    """Check what two fields together must fulfil."""
    app, events = values["app_db_path"], values["events_db_path"]
    if values["use_split_databases"] and events is None:
        raise ConfigurationError(
            "events_db_path: given: None; allowed: the path of the second file, because use_split_databases is true",
            operation=source,
            hint="give events_db_path, or set use_split_databases to false",
        )
    if events is not None and os.path.realpath(app) == os.path.realpath(events):
        raise ConfigurationError(
            f"events_db_path: given: {str(events)!r}, the same file as app_db_path; allowed: a file of its own",
            operation=source,
        )


@dataclass_transform(frozen_default=True)
def _immutable(cls: type[SqlConfig]) -> type[SqlConfig]:
    """Tells type checkers that attributes cannot be assigned; at run time SqlConfig.__setattr__ does."""
    return cls


@_immutable
class SqlConfig:
    """All settings of a SqlService: immutable, equal by value, hashable, picklable.

    The fields, defaults and names are the specification's; those after backup_interval are the kernel's own. Durations
    are timedelta, sizes bytes. Raises ConfigurationError for a value that is wrong. No file is opened or made here.
    """

    __slots__ = (*(name for name in RULES if name != "backup_dir"), "_backup_dir")

    app_db_path: Path
    """The database file, which holds everything in single mode."""
    app_pool_size: int
    """How many readers of the file may be open at a time."""
    app_connection_timeout: timedelta
    """The longest wait for a reader, or in the queue of the writer."""
    app_wal_mode: WalMode
    """How its commits are made durable."""
    events_db_path: Path | None
    """The file of the event tables; used in split mode alone."""
    events_pool_size: int
    """As app_pool_size, for the second file."""
    events_connection_timeout: timedelta
    """As app_connection_timeout, for the second file."""
    events_wal_mode: WalMode
    """As app_wal_mode, for the second file."""
    use_split_databases: bool
    """Whether the event tables have a file of their own."""
    busy_timeout: timedelta
    """The longest wait for a lock that another process holds; 0 does not wait."""
    journal_size_limit: int
    """Bytes of the -wal file that are kept after a checkpoint, and above which the checkpointer insists."""
    checkpoint_interval: timedelta
    """The longest time between two checkpoints while there is something to checkpoint."""
    vacuum_interval: timedelta
    """How often the storage service vacuums."""
    backup_enabled: bool
    """Whether the storage service makes backups."""
    backup_interval: timedelta
    """How often it does."""
    migration_backup: bool
    """Whether a file that holds data is backed up before it is migrated."""
    migration_timeout: timedelta
    """The longest time that one migration may take; it is then rolled back."""
    durable_events: bool
    """Whether a transaction that appends events is FULL, whatever app_wal_mode says; split mode always is."""
    checkpoint_pages: int
    """Pages in the -wal file at which the writer asks for a checkpoint: the specification's wal_autocheckpoint."""
    mmap_size: int
    """Bytes of the file that SQLite maps into memory; if another program truncates the file meanwhile, the process
    dies of SIGBUS (https://www.sqlite.org/mmap.html). 0 maps nothing and turns that into an error."""
    cache_size_kib: int
    """The page cache of each connection, in KiB."""

    def __init__(
        self,
        app_db_path: AnyPath,
        *,
        app_pool_size: int = 10,
        app_connection_timeout: timedelta = timedelta(seconds=30),
        app_wal_mode: WalMode = WalMode.NORMAL,
        events_db_path: AnyPath | None = None,
        events_pool_size: int = 5,
        events_connection_timeout: timedelta = timedelta(seconds=10),
        events_wal_mode: WalMode = WalMode.FULL,
        use_split_databases: bool = False,
        busy_timeout: timedelta = timedelta(seconds=5),
        journal_size_limit: int = 64 * 2**20,
        checkpoint_interval: timedelta = timedelta(seconds=10),
        vacuum_interval: timedelta = timedelta(hours=24),
        backup_enabled: bool = True,
        backup_interval: timedelta = timedelta(hours=1),
        backup_dir: AnyPath | None = None,
        migration_backup: bool = True,
        migration_timeout: timedelta = timedelta(hours=1),
        durable_events: bool = False,
        checkpoint_pages: int = 1000,
        mmap_size: int = 128 * 2**20,
        cache_size_kib: int = 64000,
    ) -> None:
        given = locals()
        values = {name: settle(name, given[name]) for name in RULES}
        _agree(values, "configure")
        for name, value in values.items():
            object.__setattr__(self, "_backup_dir" if name == "backup_dir" else name, value)

    @property
    def backup_dir(self) -> Path:
        """The folder of the backups: `backups` beside app_db_path unless another was given."""
        return self._given()["backup_dir"] or self.app_db_path.parent / "backups"

    @classmethod
    def single(cls, path: AnyPath, /, **overrides: Unpack[_Common]) -> Self:
        """One file that holds everything: the default layout."""
        return cls(path, **overrides)

    @classmethod
    def split(cls, app: AnyPath, events: AnyPath, /, **overrides: Unpack[_Common]) -> Self:
        """Two files: app_meta with NORMAL, events with FULL durability."""
        return cls(app, events_db_path=events, use_split_databases=True, **overrides)

    @classmethod
    def test(cls, folder: AnyPath, /, **overrides: Unpack[_Common]) -> Self:
        """Settings for tests: `app_meta.db` in `folder`, a small pool, short waits, no scheduled backups.

        What SQLite is told (its PRAGMAs) is the default's, so that a test sees what production sees.
        """
        quick: _Common = {
            "app_pool_size": 4,
            "app_connection_timeout": timedelta(seconds=5),
            "events_pool_size": 2,
            "events_connection_timeout": timedelta(seconds=5),
            "busy_timeout": timedelta(seconds=2),
            "backup_enabled": False,
        }
        quick.update(overrides)
        return cls(os.path.join(folder, "app_meta.db"), **quick)

    @classmethod
    def from_toml(cls, path: AnyPath, section: str | None = None, /, **overrides: Unpack[_All]) -> Self:
        """The settings of a TOML file, whose keys are the fields' names; overrides win over the file.

        section: the table that holds them, dotted where it is nested (`tool.ragkernel`); None is the table `ragkernel`
        where there is one, else the file's top level.
        Durations are seconds or text ("30s"), sizes bytes or text ("64MiB", "64MB"); a relative path counts from the
        folder of the TOML file, `~` is the home folder. Raises ConfigurationError naming the file.
        """
        raw, sources = read_toml(path, section)
        return cls._from_raw(raw, sources, overrides, f"read {os.fspath(path)}", "set app_db_path in the file")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, /, **overrides: Unpack[_All]) -> Self:
        """The settings of the variables RAGKERNEL_<FIELD>, such as RAGKERNEL_APP_DB_PATH; overrides win over them.

        environ: os.environ unless given. RAGKERNEL_CONFIG names a TOML file (read as from_toml does) that the other
        variables override. An empty variable counts as not set. Raises ConfigurationError naming the variable.
        """
        raw, sources = read_environment(os.environ if environ is None else environ)
        missing = "set the variable RAGKERNEL_APP_DB_PATH, or app_db_path in a file that RAGKERNEL_CONFIG names"
        return cls._from_raw(raw, sources, overrides, "read the environment", missing)

    @classmethod
    def _from_raw(
        cls, raw: dict[str, Any], sources: dict[str, str], overrides: _All, source: str, missing: str
    ) -> Self:
        """source, missing: where the values are from, and the hint where no path of the database is among them."""
        values: dict[str, Any] = {
            name: settle(name, value, sources[name], raw=True) for name, value in raw.items() if name not in overrides
        }
        values |= {name: settle(name, value) if name in RULES else value for name, value in overrides.items()}
        if values.get("app_db_path") is None:
            raise ConfigurationError(
                "app_db_path: not given; allowed: the path of the database file", operation=source, hint=missing
            )
        try:
            return cls(**values)
        except ConfigurationError as refusal:  # two fields disagree
            if not _LAYOUT.isdisjoint(raw.keys() - overrides.keys()):
                refusal.operation = source
            raise

    def replace(self, **changes: Unpack[_All]) -> Self:
        """A copy with some fields changed, checked like a new one; a backup_dir never given follows app_db_path."""
        return type(self)(**{**self._given(), **changes})

    __replace__ = replace

    def _given(self) -> dict[str, Any]:
        """Every field as it was given: backup_dir None where it was left to its default."""
        return {name: getattr(self, "_backup_dir" if name == "backup_dir" else name) for name in RULES}

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"SqlConfig is immutable; make a copy: config.replace({name}=…)")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("SqlConfig is immutable")

    def __eq__(self, other: object) -> bool:
        return self._given() == other._given() if isinstance(other, SqlConfig) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._given().values()))

    def __repr__(self) -> str:
        defaults = SqlConfig.__init__.__kwdefaults__ or {}
        told = [f"{name}={value!r}" for name, value in self._given().items() if value != defaults.get(name, self)]
        return f"SqlConfig({', '.join(told)})"

    def __reduce__(self) -> tuple[Callable[..., SqlConfig], tuple[dict[str, Any]]]:
        return _restored, (self._given(),)


def _restored(values: dict[str, Any]) -> SqlConfig:
    """Unpickles a SqlConfig, checking it again."""
    return SqlConfig(**values)
