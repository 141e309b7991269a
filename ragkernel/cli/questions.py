"""The commands that only read: info, status, health, list, show. None makes a database that is not there."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any

from ragkernel import queries
from ragkernel.errors import QueryFailed
from ragkernel.knowledge import owner

from .output import Outcome, facts, json_value, row_json, shown, size, table
from .parser import UsageError
from .stores import configuration, existing, files_of

if TYPE_CHECKING:
    import argparse
    from typing import Literal

    from ragkernel import Reader, SqlService

    RunState = Literal["pending", "running", "completed", "failed", "cancelled"]

RUN_STATES: tuple[RunState, ...] = ("pending", "running", "completed", "failed", "cancelled")


def info(args: argparse.Namespace) -> Outcome:
    """What the database holds."""
    config = configuration(args)
    with existing(config) as service, service.read() as conn, service.get_events_connection() as log:
        bases = queries.knowledge_bases.statistics(conn)
        totals = {
            "documents": queries.documents.count(conn),
            "chunks": queries.document_chunks.count(conn),
            "runs": queries.pipeline_runs.count(conn),
            "events": queries.events.count(log),
        }
    path, *others = files_of(config)
    size_bytes = sum(os.stat(name).st_size for name in (path, *others))
    data = {
        "path": path,
        "events_path": others[0] if others else None,
        "size_bytes": size_bytes,
        **totals,
        "knowledge_bases": [row_json(base) for base in bases],
    }
    files = [("database", path), *(("events database", name) for name in others)]
    summary = facts([*files, ("size", size(size_bytes)), *totals.items()])
    rows = [
        (base.name, base.version, base.status, base.documents, base.chunks, size(base.size_bytes), base.embedder_model)
        for base in bases
    ]
    listed = table(("knowledge base", "version", "status", "documents", "chunks", "text", "embedder model"), rows)
    return Outcome(data, f"{summary}\n\n{listed}" if rows else summary)


def status(args: argparse.Namespace) -> Outcome:
    """The state of the schema and of the runs."""
    config = configuration(args)
    with existing(config, migrated=False) as service:
        pending = service.pending_migrations()
        metrics = service.health_check()
        data: dict[str, Any] = {
            "path": str(config.app_db_path),
            "events_path": str(config.events_db_path) if config.use_split_databases else None,
            "layout": "split" if config.use_split_databases else "single",
            "schema_version": metrics.schema_version,
            "pending_migrations": [dict(zip(step._fields, step, strict=True)) for step in pending],
            "backup_last_run": json_value(metrics.backup_last_run),
            "vacuum_last_run": json_value(metrics.vacuum_last_run),
            "runs": {},
            "running": [],
        }
        try:
            data["runs"], data["running"] = _runs(service)
        except QueryFailed as error:
            if not pending or error.code != sqlite3.SQLITE_ERROR:  # no such table, no such column
                raise
            data["runs"] = None
    counts = [f"{count} {state}" for state, count in (data["runs"] or {}).items() if count]
    runs = "not shown before `ragkernel migrate`" if data["runs"] is None else ", ".join(counts)
    pairs = [
        ("database", data["path"]),
        *([("events database", data["events_path"])] if data["events_path"] else []),
        ("layout", data["layout"]),
        ("schema version", data["schema_version"]),
        ("pending migrations", ", ".join(f"{step.version} {step.name}" for step in pending) or "none"),
        ("last backup", metrics.backup_last_run),
        ("last vacuum", metrics.vacuum_last_run),
        ("runs", runs or "none"),
    ]
    pairs += [
        (_OWNERS[run["owner"]], f"{run['pipeline_name']} since {run['started_at']} ({run['id']})")
        for run in data["running"]
    ]
    return Outcome(data, facts(pairs))


_OWNERS: dict[str, str] = {
    "alive": "running now",
    "gone": "interrupted (its process is gone)",
    "unknown": "running (its process cannot be seen from here)",
}


def _runs(service: SqlService) -> tuple[dict[RunState, int], list[dict[str, Any]]]:
    """How many runs are in each state, and the running ones, each with whether its process is there."""
    with service.read() as conn:
        counts = {state: queries.pipeline_runs.count_by_status(conn, status=state) for state in RUN_STATES}
        running = queries.pipeline_runs.by_status(conn, status="running", limit=20)
    return counts, [{**row_json(run), "owner": owner.state(run.id, run.metrics)} for run in running]


def health(args: argparse.Namespace) -> Outcome:
    """Whether all is well; exit code 1 where the status is anything but ok."""
    with existing(configuration(args), migrated=False) as service:
        metrics = service.health_check(deep=args.deep)
    data = metrics.as_dict()
    pairs = [("status", metrics.status), *(("reason", reason) for reason in metrics.reasons)]
    pairs += [("notice", notice) for notice in metrics.notices]
    pairs += [(name, value) for name, value in data.items() if name not in ("status", "reasons", "notices")]
    return Outcome(data, facts(pairs), exit_code=0 if metrics.status == "ok" else 1)


def show(args: argparse.Namespace) -> Outcome:
    """One row of whatever kind has this id."""
    with existing(configuration(args)) as service, service.read() as conn:
        kind, row = _find(conn, args.id)
        data = row_json(row)
        if kind == "knowledge_base":
            figures = next(found for found in queries.knowledge_bases.statistics(conn) if found.id == row.id)
            data |= {name: getattr(figures, name) for name in ("documents", "chunks", "size_bytes")}
        elif kind == "chunk":
            document = queries.documents.get(conn, id=row.document_id)
            data["source_path"] = document.source_path if document else None
    content = data["content"] if kind == "chunk" else None
    text = facts((name, value) for name, value in [("kind", kind), *data.items()] if name != "content")
    return Outcome({"kind": kind, **data}, text if content is None else f"{text}\n\n{shown(content)}")


def _find(conn: Reader, id: str) -> tuple[str, Any]:
    """The kind and row of an id. Raises UsageError where there is none."""
    for kind, table_of in (
        ("knowledge_base", queries.knowledge_bases),
        ("document", queries.documents),
        ("chunk", queries.document_chunks),
        ("run", queries.pipeline_runs),
        ("pipeline", queries.pipelines),
    ):
        row = table_of.get(conn, id=id)
        if row is not None:
            return kind, row
    raise UsageError(f"nothing has the id {id!r}", "`ragkernel list` prints ids")
