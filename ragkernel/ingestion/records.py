"""What a run of ingest writes about itself: the base, the pipeline `ingest:<name>`, the run's row, and the events.

Every event is appended in the transaction that does what it tells. To ("knowledge_base", id): KnowledgeBaseCreated,
DocumentsStored (how many, once a batch), KnowledgeBaseActivated, KnowledgeBaseFailed. To ("pipeline_run", id):
PipelineRunStarted, PipelineRunCompleted, PipelineRunFailed, PipelineRunCancelled.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from ragkernel.chunking import CHUNK_SIZE, RULE, settled_sizes
from ragkernel.clock import new_id, utc_now
from ragkernel.errors import ConfigurationError, SqlError, TransactionFailed
from ragkernel.events.store import NewEvent
from ragkernel.generated import queries

from . import owner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragkernel.connections import Writer
    from ragkernel.generated.models import KnowledgeBase
    from ragkernel.service import SqlService

    from .report import IngestReport

EMBEDDER_MODEL = "all-MiniLM-L6-v2"

_NAME_CHARS = 200


class Records:
    """The rows and events of one run. Each method that writes is one transaction, or joins the caller's."""

    def __init__(self, service: SqlService, report: IngestReport) -> None:
        self._service = service
        self._report = report
        self._events = service.events

    def begin(self, asked: Mapping[str, Any], source: dict[str, Any]) -> KnowledgeBase:
        """Find or create the base, and start the run: one transaction. Returns the base.

        asked: chunk_size, chunk_overlap and embedder_model, None where the caller leaves them open. source: what the
        pipeline's config keeps. A run of the same base that is still `running` is marked failed where its process is
        gone or not to be seen from here. Raises TransactionFailed where that process lives, ConfigurationError where
        the base has other values than asked; nothing is written then.
        """
        report = self._report
        with self._service.write() as conn:
            versions = queries.knowledge_bases.list_by_name(conn, name=report.kb_name)
            if versions:
                base = max(versions, key=lambda version: version.version)
                _require_same(base, asked)
                if base.status == "error":
                    queries.knowledge_bases.update(conn, id=base.id, status="building")
            else:
                base = self._create_base(conn, asked)
            report.kb_id = base.id
            config = {**source, "chunk_size": base.chunk_size, "chunk_overlap": base.chunk_overlap}
            pipeline_id = self._pipeline(conn, config)
            self._give_up_others(conn, pipeline_id)
            queries.pipeline_runs.insert(
                conn,
                id=report.run_id,
                pipeline_id=pipeline_id,
                kb_id=base.id,
                status="running",
                started_at=utc_now(),
                metrics={"owner": owner.this_process()},
            )
            self._tell_run("PipelineRunStarted", {"pipeline_id": pipeline_id, "kb_id": base.id})
        return base

    def _create_base(self, conn: Writer, asked: Mapping[str, Any]) -> KnowledgeBase:
        def given(name: str, default: Any) -> Any:
            return default if asked[name] is None else asked[name]

        size, overlap = settled_sizes(given("chunk_size", CHUNK_SIZE), asked["chunk_overlap"])
        base = queries.knowledge_bases.insert(
            conn,
            id=new_id(),
            name=self._report.kb_name,
            status="building",
            embedder_model=given("embedder_model", EMBEDDER_MODEL),
            chunk_size=size,
            chunk_overlap=overlap,
            metadata={"chunker": RULE},
        )
        facts = {"version": base.version, "embedder_model": base.embedder_model}
        self._report.kb_id = base.id
        self._tell_base(
            "KnowledgeBaseCreated", {"name": base.name, **facts, "chunk_size": size, "chunk_overlap": overlap}
        )
        return base

    def _pipeline(self, conn: Writer, config: dict[str, Any]) -> str:
        name = f"ingest:{self._report.kb_name}"
        pipeline = queries.pipelines.get_by_name(conn, name=name)
        if pipeline is None:
            told = "A folder of text into the documents and chunks of a knowledge base"
            pipeline = queries.pipelines.insert(
                conn, id=new_id(), name=name, description=told, config=config, status="active"
            )
        elif pipeline.config != config:
            queries.pipelines.update(conn, id=pipeline.id, config=config)
        return pipeline.id

    def _give_up_others(self, conn: Writer, pipeline_id: str) -> None:
        for run in queries.pipeline_runs.running_of_pipeline(conn, pipeline_id=pipeline_id):
            if owner.state(run.id, run.metrics) == "alive":
                pid = (owner.owner_of(run.metrics) or {}).get("pid")
                since = f" since {run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run.started_at else ""
                raise TransactionFailed(
                    f"process {pid} is ingesting {self._report.kb_name!r}{since} (run {run.id})",
                    operation="ingest",
                    hint="wait until it is done, or end that process",
                )
        given_up = queries.pipeline_runs.give_up(
            conn, pipeline_id=pipeline_id, completed_at=utc_now(), error_message="a later run of this base took over"
        )
        for row in given_up:
            event = NewEvent("PipelineRunFailed", {"error": "superseded", "superseded_by": self._report.run_id})
            self._events.append(("pipeline_run", row.id), [event])

    def require_ours(self, conn: Writer) -> None:
        """Raises TransactionFailed where a later run of the base has taken over, inside the transaction of a batch."""
        run = queries.pipeline_runs.get(conn, id=self._report.run_id)
        if run is None or run.status != "running":
            raise TransactionFailed(
                f"another ingest of {self._report.kb_name!r} took over",
                operation="ingest",
                hint="run one ingest of a base at a time",
            )

    def batch_stored(self, facts: dict[str, int]) -> None:
        """Tell of a batch, inside its transaction."""
        self._tell_base("DocumentsStored", {"run_id": self._report.run_id, **facts})

    def complete(self) -> None:
        """Activate the base, the only active version of its name then, and end the run: one transaction.

        Raises FileReplaced where the database file was deleted meanwhile.
        """
        self._service.require_same_file()
        report = self._report
        with self._service.write() as conn:
            self.require_ours(conn)
            base = queries.knowledge_bases.get(conn, id=report.kb_id)
            if base is not None and base.status != "active":
                queries.knowledge_bases.activate(conn, id=base.id, updated_at=utc_now())
                self._tell_base("KnowledgeBaseActivated", {"version": base.version, "run_id": report.run_id})
            self._end_run(conn, "completed", None)

    def fail(self, status: Literal["failed", "cancelled"], error: str) -> None:
        """End the run, and mark an unfinished base `error` where it failed: one transaction.

        A cancelled run leaves an unfinished base `building`: the next run goes on with it. Does nothing where another
        run took over, and nothing but its best where the database itself is what failed.
        """
        with suppress(SqlError), self._service.write() as conn:
            run = queries.pipeline_runs.get(conn, id=self._report.run_id)
            if run is None or run.status != "running":
                return
            base = queries.knowledge_bases.get(conn, id=self._report.kb_id)
            if status == "failed" and base is not None and base.status == "building":
                queries.knowledge_bases.update(conn, id=base.id, status="error")
                self._tell_base("KnowledgeBaseFailed", {"version": base.version, "run_id": self._report.run_id})
            self._end_run(conn, status, error)

    def _end_run(self, conn: Writer, status: Literal["completed", "failed", "cancelled"], error: str | None) -> None:
        metrics = self._report.metrics()
        queries.pipeline_runs.update(
            conn,
            id=self._report.run_id,
            status=status,
            completed_at=utc_now(),
            error_message=error,
            metrics=metrics,
        )
        self._tell_run(f"PipelineRun{status.capitalize()}", metrics if error is None else {**metrics, "error": error})

    def _tell_base(self, event: str, data: dict[str, Any]) -> None:
        self._events.append(("knowledge_base", self._report.kb_id), [NewEvent(event, data)])

    def _tell_run(self, event: str, data: dict[str, Any]) -> None:
        self._events.append(("pipeline_run", self._report.run_id), [NewEvent(event, data)])


def check_name(kb: str) -> None:
    """Refuse a name that cannot stand in a line of text. Raises ConfigurationError."""
    if type(kb) is not str or not kb.strip() or len(kb) > _NAME_CHARS or not kb.isprintable():
        raise ConfigurationError(
            f"the name of a knowledge base is 1 to {_NAME_CHARS} printable characters",
            operation="ingest",
            hint="for example --kb handbook",
        )


def _require_same(base: KnowledgeBase, asked: Mapping[str, Any]) -> None:
    """Refuse to mix chunks of two sizes or rules, or vectors of two models, in one base."""
    for name, value in asked.items():
        has = getattr(base, name)
        if value is not None and value != has:
            raise ConfigurationError(
                f"knowledge base {base.name!r} was built with {name} {has}, not {value}",
                operation="ingest",
                hint="leave the option out, or build a base under another name",
            )
    rule = base.metadata.get("chunker", RULE) if isinstance(base.metadata, dict) else RULE
    if rule != RULE:
        raise ConfigurationError(
            f"knowledge base {base.name!r} was built with the chunking rule {rule}; this version has {RULE}",
            operation="ingest",
            hint="build a base under another name",
        )
