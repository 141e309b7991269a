"""What each fact means for the rows of the app database.

An effect needs nothing but its event's data, so it can be applied later, by another process, from the log. It is
applied once, in order, in a transaction that notes the event's position; still it takes rows that are there, or gone,
as they are, because a restored pair of files may be ahead of its log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkernel.clock import parse_timestamp, utc_now
from ragkernel.generated import queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragkernel.connections import Writer
    from ragkernel.generated.models import KnowledgeBase

    Effect = Callable[[Writer, str, dict[str, Any]], None]

KNOWLEDGE_BASE = "knowledge_base"
PIPELINE_RUN = "pipeline_run"

PRUNED_AT = "pruned_at"
DOCUMENTS = "documents"


def pruned_at(base: KnowledgeBase) -> str | None:
    """When a version's documents were removed, as stored text; None where they were not."""
    moment = base.metadata.get(PRUNED_AT) if isinstance(base.metadata, dict) else None
    return moment if isinstance(moment, str) else None


def holds_what_it_should(conn: Writer, event_type: str, kb_id: str, data: dict[str, Any]) -> bool:
    """Whether the version that an event activates is whole in this file: it is told how many documents it has."""
    if event_type != "KnowledgeBaseActivated" or DOCUMENTS not in data:
        return True
    held = queries.documents.holdings(conn, kb_id=kb_id)
    return held.documents >= int(data[DOCUMENTS])


def _created(conn: Writer, kb_id: str, data: dict[str, Any]) -> None:
    if not queries.knowledge_bases.exists(conn, id=kb_id):
        version = data["version"]
        if queries.knowledge_bases.get_by_name_and_version(conn, name=data["name"], version=version) is not None:
            # Between a kill and the application of its event the application made a version of that number.
            version = 1 + max(row.version for row in queries.knowledge_bases.list_by_name(conn, name=data["name"]))
        queries.knowledge_bases.insert(
            conn,
            id=kb_id,
            name=data["name"],
            version=version,
            status="building",
            embedder_model=data["embedder_model"],
            chunk_size=data["chunk_size"],
            chunk_overlap=data["chunk_overlap"],
            description=data["description"],
            metadata=data["metadata"],
        )
    _assign(conn, kb_id, data["run_id"])


def _resumed(conn: Writer, kb_id: str, data: dict[str, Any]) -> None:
    queries.knowledge_bases.update(conn, id=kb_id, status="building")
    _assign(conn, kb_id, data["run_id"])


def _assign(conn: Writer, kb_id: str, run_id: str) -> None:
    if queries.knowledge_bases.exists(conn, id=kb_id):
        queries.pipeline_runs.update(conn, id=run_id, kb_id=kb_id)


def _activated(conn: Writer, kb_id: str, data: dict[str, Any]) -> None:
    base = queries.knowledge_bases.get(conn, id=kb_id)
    if base is not None and pruned_at(base) is None:
        queries.knowledge_bases.activate(conn, id=kb_id, updated_at=utc_now())


def _failed(conn: Writer, kb_id: str, data: dict[str, Any]) -> None:
    queries.knowledge_bases.update(conn, id=kb_id, status="error")


def _pruned(conn: Writer, kb_id: str, data: dict[str, Any]) -> None:
    base = queries.knowledge_bases.get(conn, id=kb_id)
    if base is not None:
        metadata = base.metadata if isinstance(base.metadata, dict) else {}
        marked = {**metadata, PRUNED_AT: data[PRUNED_AT]}
        queries.knowledge_bases.update(conn, id=kb_id, status="inactive", pinned_version=None, metadata=marked)


def _pinned(conn: Writer, kb_id: str, data: dict[str, Any]) -> None:
    queries.knowledge_bases.update(conn, id=kb_id, pinned_version=data["version"])


def _unpinned(conn: Writer, kb_id: str, data: dict[str, Any]) -> None:
    queries.knowledge_bases.update(conn, id=kb_id, pinned_version=None)


def _removed(conn: Writer, kb_id: str, data: dict[str, Any]) -> None:
    queries.pipeline_runs.detach(conn, kb_id=kb_id, kb_name=data["name"], kb_version=data["version"])
    queries.knowledge_bases.delete(conn, id=kb_id)


def _run_started(conn: Writer, run_id: str, data: dict[str, Any]) -> None:
    given = data["pipeline"]
    pipeline = queries.pipelines.get_by_name(conn, name=given["name"])
    if pipeline is None:
        pipeline = queries.pipelines.insert(
            conn,
            id=given["id"],
            name=given["name"],
            description=given["description"],
            config=given["config"],
            status="active",
        )
    elif pipeline.config != given["config"]:
        queries.pipelines.update(conn, id=pipeline.id, config=given["config"])
    if not queries.pipeline_runs.exists(conn, id=run_id):
        queries.pipeline_runs.insert(
            conn,
            id=run_id,
            pipeline_id=pipeline.id,
            kb_id=data["kb_id"] if data["kb_id"] and queries.knowledge_bases.exists(conn, id=data["kb_id"]) else None,
            status="running",
            started_at=parse_timestamp(data["started_at"]),
            metrics={"owner": data["owner"], "heartbeat_at": data["started_at"]},
        )


def _run_ended(status: str) -> Effect:
    def ended(conn: Writer, run_id: str, data: dict[str, Any]) -> None:
        columns: dict[str, Any] = {"status": status, "error_message": data["error"], "metrics": data["metrics"]}
        kb_id = data["kb_id"]
        if kb_id is not None and queries.knowledge_bases.exists(conn, id=kb_id):
            columns["kb_id"] = kb_id
        queries.pipeline_runs.update(conn, id=run_id, completed_at=parse_timestamp(data["completed_at"]), **columns)

    return ended


# The types of events whose effects these are stand in the query events.facts_after too; a test holds the two equal.
EFFECTS: dict[str, Effect] = {
    "KnowledgeBaseCreated": _created,
    "KnowledgeBaseResumed": _resumed,
    "KnowledgeBaseActivated": _activated,
    "KnowledgeBaseFailed": _failed,
    "KnowledgeBasePruned": _pruned,
    "KnowledgeBasePinned": _pinned,
    "KnowledgeBaseUnpinned": _unpinned,
    "KnowledgeBaseRemoved": _removed,
    "PipelineRunStarted": _run_started,
    "PipelineRunCompleted": _run_ended("completed"),
    "PipelineRunFailed": _run_ended("failed"),
    "PipelineRunCancelled": _run_ended("cancelled"),
}
