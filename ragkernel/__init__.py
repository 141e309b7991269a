"""ragkernel: a storage kernel for retrieval-augmented generation over the standard library's sqlite3.

This page is the whole public surface. Names are imported when they are first used, so that `import ragkernel` costs
next to nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

# What starts the command (`-m`, the script `ragkernel`) imports this first: ragkernel.__main__ then tells it in a line.
if sys.version_info < (3, 11) and not (getattr(sys, "argv", None) or [""])[0].endswith(("-m", "ragkernel")):
    raise ImportError("ragkernel needs Python 3.11 or newer; this is {}.{}".format(*sys.version_info))

if TYPE_CHECKING:
    from ragkernel.archive import Exported as Exported
    from ragkernel.archive import Imported as Imported
    from ragkernel.archive import export_kb as export_kb
    from ragkernel.archive import import_kb as import_kb
    from ragkernel.clock import new_id as new_id
    from ragkernel.clock import utc_now as utc_now
    from ragkernel.config import SqlConfig as SqlConfig
    from ragkernel.config import WalMode as WalMode
    from ragkernel.connections import Reader as Reader
    from ragkernel.connections import Result as Result
    from ragkernel.connections import Writer as Writer
    from ragkernel.errors import SqlError as SqlError
    from ragkernel.events.store import EventStore as EventStore
    from ragkernel.events.store import NewEvent as NewEvent
    from ragkernel.generated import models as models
    from ragkernel.generated import queries as queries
    from ragkernel.ingestion import IngestReport as IngestReport
    from ragkernel.ingestion import ingest as ingest
    from ragkernel.operations.backup import Backup as Backup
    from ragkernel.operations.health import DatabaseHealthMetrics as DatabaseHealthMetrics
    from ragkernel.operations.restore import Restored as Restored
    from ragkernel.service import SqlService as SqlService
    from ragkernel.service import open as open

__version__ = "0.1.0"

_HOMES = {
    "Backup": "operations.backup",
    "DatabaseHealthMetrics": "operations.health",
    "EventStore": "events.store",
    "Exported": "archive",
    "Imported": "archive",
    "IngestReport": "ingestion",
    "NewEvent": "events.store",
    "Reader": "connections",
    "Restored": "operations.restore",
    "Result": "connections",
    "SqlConfig": "config",
    "SqlError": "errors",
    "SqlService": "service",
    "WalMode": "config",
    "Writer": "connections",
    "export_kb": "archive",
    "import_kb": "archive",
    "ingest": "ingestion",
    "new_id": "clock",
    "open": "service",
    "utc_now": "clock",
}
_MODULES = {"errors": "errors", "models": "generated.models", "queries": "generated.queries"}

__all__ = [
    "Backup",
    "DatabaseHealthMetrics",
    "EventStore",
    "Exported",
    "Imported",
    "IngestReport",
    "NewEvent",
    "Reader",
    "Restored",
    "Result",
    "SqlConfig",
    "SqlError",
    "SqlService",
    "WalMode",
    "Writer",
    "errors",
    "export_kb",
    "import_kb",
    "ingest",
    "models",
    "new_id",
    "open",
    "queries",
    "utc_now",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        value: Any = import_module(f"{__name__}.{_MODULES[name]}")
    elif name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
