"""Opening the database that the command line names."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import ragkernel
from ragkernel import queries
from ragkernel.core.layout import look
from ragkernel.errors import ConfigurationError

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
    given = {"app_db_path": args.app_db} if getattr(args, "app_db", None) is not None else {}
    if getattr(args, "config", None) is not None:
        return ragkernel.SqlConfig.from_toml(args.config, **given)
    if not given and not os.environ.get("RAGKERNEL_APP_DB_PATH") and not os.environ.get("RAGKERNEL_CONFIG"):
        raise ConfigurationError(
            "which database?",
            operation="configure",
            hint="give --app-db FILE or --config FILE.toml, or set RAGKERNEL_APP_DB_PATH or RAGKERNEL_CONFIG",
        )
    return ragkernel.SqlConfig.from_environment(**given)


@contextmanager
def existing(config: SqlConfig, *, migrated: bool = True) -> Iterator[SqlService]:
    """The service over a database that is there: a command that reads makes no file.

    migrated: refuse a schema that is not the code's. Raises ConfigurationError.
    """
    paths = [str(config.app_db_path)]
    if config.use_split_databases:
        paths.append(str(config.events_db_path))
    missing = [path for path in paths if not os.path.exists(path)]
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
    with ragkernel.SqlService(config) as service:
        if migrated and (steps := service.pending_migrations()):
            raise ConfigurationError(
                f"the schema needs {counted(len(steps), 'migration')}",
                operation="open",
                path=paths[0],
                hint="run `ragkernel migrate`",
            )
        yield service


def find_base(conn: Reader, name_or_id: str) -> KnowledgeBase:
    """The knowledge base of this id, or of this name: the newest active version, else the newest. Raises UsageError."""
    base = queries.knowledge_bases.get(conn, id=name_or_id) or queries.knowledge_bases.latest_active(
        conn, name=name_or_id
    )
    if base is None:
        versions = queries.knowledge_bases.list_by_name(conn, name=name_or_id)
        if not versions:
            raise UsageError(f"there is no knowledge base {name_or_id!r}", "`ragkernel list kbs` names them")
        base = max(versions, key=lambda version: version.version)
    return base
