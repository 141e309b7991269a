"""Opening the database that the command line names."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ragkernel
from ragkernel import queries
from ragkernel.core.layout import look
from ragkernel.errors import ConfigurationError, SqlError

from .output import counted
from .parser import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from ragkernel import Reader, SqlConfig, SqlService
    from ragkernel.generated.models import KnowledgeBase


def configuration(args: argparse.Namespace) -> SqlConfig:
    """The configuration that the options give, else the environment. Raises ConfigurationError where none names a
    database."""
    given: dict[str, Any] = {}
    if getattr(args, "app_db", None) is not None:
        given["app_db_path"] = args.app_db
    if getattr(args, "events_db", None) is not None:
        given |= {"events_db_path": args.events_db, "use_split_databases": True}
    if getattr(args, "config", None) is not None:
        return ragkernel.SqlConfig.from_toml(args.config, **given)
    if (
        "app_db_path" not in given
        and not os.environ.get("RAGKERNEL_APP_DB_PATH")
        and not os.environ.get("RAGKERNEL_CONFIG")
    ):
        raise ConfigurationError(
            "which database?",
            operation="configure",
            hint="give --app-db FILE or --config FILE.toml, or set RAGKERNEL_APP_DB_PATH or RAGKERNEL_CONFIG",
        )
    return ragkernel.SqlConfig.from_environment(**given)


def files_of(config: SqlConfig) -> list[str]:
    """The database file, or both files of a pair."""
    paths = [str(config.app_db_path)]
    return [*paths, str(config.events_db_path)] if config.use_split_databases else paths


def lost(config: SqlConfig) -> list[str]:
    """The files that are missing, or as good as that: empty."""
    seconds = config.busy_timeout.total_seconds()
    return [path for path in files_of(config) if not os.path.exists(path) or _is_empty(path, seconds)]


def _is_empty(path: str, seconds: float) -> bool:
    try:
        return look(path, seconds).empty
    except SqlError:
        return False


@contextmanager
def existing(config: SqlConfig, *, migrated: bool = True, for_restore: bool = False) -> Iterator[SqlService]:
    """The service over a database, or a pair, that is there: a command that reads makes no file.

    migrated: refuse a schema that is not the code's. for_restore: also open a pair whose restore was cut short. Raises
    ConfigurationError.
    """
    paths = files_of(config)
    missing = lost(config) if len(paths) > 1 else [path for path in paths if not os.path.exists(path)]
    if len(missing) == len(paths):  # where one of two is missing, the service says what to do
        raise ConfigurationError(
            "there is no such database",
            operation="open",
            path=paths[0],
            hint="check the path; `ragkernel ingest` and `ragkernel migrate` make a new one",
        )
    for path in paths:  # opening it would already change it: to WAL mode
        if path not in missing and not look(path, config.busy_timeout.total_seconds()).ours:
            raise ConfigurationError(
                "the file is not a database of ragkernel",
                operation="open",
                path=path,
                hint="check the path; `ragkernel migrate` would add ragkernel's tables to it",
            )
    opened = ragkernel.SqlService(config, for_restore=True) if for_restore else ragkernel.SqlService(config)
    with opened as service:
        if migrated and (steps := service.pending_migrations()):
            raise ConfigurationError(
                f"the schema needs {counted(len(steps), 'migration')}",
                operation="open",
                path=paths[0],
                hint="run `ragkernel migrate`",
            )
        yield service


def find_base(conn: Reader, name_or_id: str) -> KnowledgeBase:
    """The knowledge base of this id, of this name, or NAME@VERSION: of a name alone the active version, else the
    newest. Raises UsageError."""
    base = queries.knowledge_bases.get(conn, id=name_or_id)
    base = base or queries.knowledge_bases.latest_active(conn, name=name_or_id)
    if base is not None:
        return base
    if versions := queries.knowledge_bases.list_by_name(conn, name=name_or_id):
        return max(versions, key=lambda version: version.version)
    name, at, version = name_or_id.rpartition("@")
    if at and version.isascii() and version.isdigit() and len(version) < 10:
        base = queries.knowledge_bases.get_by_name_and_version(conn, name=name, version=int(version))
    if base is None:
        raise UsageError(f"there is no knowledge base {name_or_id!r}", "`ragkernel kb list` names them")
    return base
