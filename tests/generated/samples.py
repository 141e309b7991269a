"""Rows for every table, parents first, so that each generated function can be called on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from tests.generated.support import Connection

START = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def moment(number: int) -> datetime:
    return START + timedelta(minutes=number)


def rows(table: str) -> list[dict[str, Any]]:
    """Three rows of a table; the first two share what a non-unique index holds."""
    return [_ROW[table](number) for number in (1, 2, 3)]


def _pair(number: int) -> str:
    return "one" if number < 3 else "two"


_ROW: dict[str, Any] = {
    "kernel_state": lambda n: {"key": f"key {n}", "value": "v"},
    "schema_migrations": lambda n: {"version": n, "name": "m", "database": "events", "sha256": "0"},
    "event_checkpoints": lambda n: {"processor_name": f"p{n}", "last_processed_sequence": n},
    "settings": lambda n: {"key": f"k{n}", "value": "v"},
    "knowledge_bases": lambda n: {
        "id": f"id{n}",
        "name": _pair(n),
        "version": n,
        "status": "active" if n < 3 else "building",
        "embedder_model": "m",
        "metadata": {"n": n},
    },
    "documents": lambda n: {
        "id": f"id{n}",
        "kb_id": "id1" if n < 3 else "id2",
        "title": "t",
        "source_path": f"p{n}",
        "content_hash": _pair(n),
        "metadata": [n, None],
        "size_bytes": n,
    },
    "document_chunks": lambda n: {
        "id": f"id{n}",
        "document_id": "id1" if n < 3 else "id2",
        "kb_id": "id1" if n < 3 else "id2",
        "chunk_index": n,
        "content": "text",
        "content_hash": _pair(n),
        "metadata": {"n": n} if n == 1 else None,
    },
    "pipelines": lambda n: {"id": f"id{n}", "name": f"n{n}", "config": {"n": n}, "status": "draft"},
    "pipeline_runs": lambda n: {
        "id": f"id{n}",
        "pipeline_id": "id1" if n < 3 else "id2",
        "kb_id": None if n < 3 else "id1",
        "status": "running" if n < 3 else "failed",
        "started_at": None if n < 3 else moment(n),
    },
    "tools": lambda n: {"id": f"id{n}", "name": f"n{n}", "type": "t", "config": {}, "schema": [], "enabled": n == 1},
    "schedules": lambda n: {
        "id": f"id{n}",
        "name": f"n{n}",
        "cron_expression": "* * * * *",
        "pipeline_id": "id1" if n < 3 else "id2",
        "next_run": moment(1) if n < 3 else None,
    },
    "flows": lambda n: {"id": f"id{n}", "name": f"n{n}", "definition": {"n": n}},
    "events": lambda n: {
        "event_id": f"e{n}",
        "event_type": _pair(n),
        "aggregate_id": _pair(n),
        "aggregate_type": "a",
        "sequence_number": n,
        "event_data": {"n": n},
        "trace_id": None if n < 3 else "t",
        "timestamp": moment(1) if n < 3 else moment(n),
        "payload_salt": b"\x00salt",
        "payload_digest": "d",
        "checksum": "c",
    },
    "aggregate_snapshots": lambda n: {
        "aggregate_id": _pair(n),
        "aggregate_type": "a",
        "sequence_number": n,
        "snapshot_data": {"n": n},
    },
}
TABLES = tuple(_ROW)


def module(table: str) -> ModuleType:
    return import_module(f"ragkernel.generated.queries.{table}")


def fill(conn: Connection) -> dict[str, list[Any]]:
    """Three rows in every table, inserted by the generated functions."""
    return {table: [module(table).insert(conn, **row) for row in rows(table)] for table in TABLES}
