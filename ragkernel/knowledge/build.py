"""One run that builds a version of a knowledge base, beside the version that readers use.

The version is a row with the status `building` from the moment that something differs, and `active` in the one short
transaction that ends the run. A run that was killed leaves it `building`, one that failed `error`: the next run of the
same kind goes on with it, or marks it pruned where it cannot.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ragkernel.clock import new_id, sql_timestamp, utc_now
from ragkernel.errors import SqlError, TransactionFailed
from ragkernel.generated import queries

from . import owner
from .effects import DOCUMENTS, KNOWLEDGE_BASE, PIPELINE_RUN, PRUNED_AT, pruned_at
from .running import HEARTBEAT_SECONDS, end_run, give_up, require_none_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragkernel.connections import Writer
    from ragkernel.generated.models import KnowledgeBase, PipelineRun

    from .facts import Facts, FactWriter


# What the kernel keeps in a version's metadata, and does not hand on to the next one.
KERNELS_OWN = frozenset({"build", "chunker", PRUNED_AT})


class Settings(NamedTuple):
    """What a version is built with. metadata: JSON values that its row keeps."""

    embedder_model: str
    chunk_size: int
    chunk_overlap: int
    description: str | None
    metadata: dict[str, Any]


class Build:
    """A run of one kind over the base `name`. Used by one thread.

    Inside `with build:` this process is the run's owner. active: the version that readers use, None for a new base.
    """

    def __init__(self, facts: Facts, kind: Literal["ingest", "import"], name: str, run_id: str) -> None:
        self.active: KnowledgeBase | None = None
        self.unfinished: KnowledgeBase | None = None  # a version that an earlier run left, until it is taken up
        self.base: KnowledgeBase | None = None  # the version that is built
        self._facts = facts
        self._kind = kind
        self._name = name
        self._run_id = run_id
        self._settings: Settings | None = None
        self._next_beat = 0.0
        self._stored_bytes = 0  # since a checkpoint was asked for

    def __enter__(self) -> Build:
        owner.enter(self._run_id)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        owner.leave(self._run_id)

    def begin(
        self,
        settle: Callable[[KnowledgeBase | None], Settings],
        resumable: Callable[[KnowledgeBase], bool],
        pipeline: dict[str, Any],
    ) -> Settings:
        """Start the run: one transaction.

        settle: the settings, given the version that they must agree with (None for a new base); it raises what is
        wrong with them. resumable: whether this run can go on with a version that an earlier one left. pipeline: the
        description and config of the pipeline's row. Runs of the base whose process is gone are marked failed. Raises
        TransactionFailed where such a process lives, and what `settle` raises; nothing is written then.
        """
        with self._facts.write() as fact:
            conn = fact.conn
            rows = sorted(queries.knowledge_bases.list_by_name(conn, name=self._name), key=lambda row: row.version)
            left = [row for row in rows if row.status in ("building", "error") and pruned_at(row) is None]
            self.active = next((row for row in reversed(rows) if row.status == "active"), None)
            reference = self.active or next(reversed(left or rows), None)
            self._settings = settle(reference)
            require_none_alive(conn, self._name, self._kind)
            give_up(fact, self._name, "a later run of this base took over", by=self._run_id)
            if left and _agrees(left[-1], self._settings) and resumable(left[-1]):
                self.unfinished = left.pop()
            for row in left:
                if _is_ours(row):
                    self._discard(fact, row)
            started = {
                "pipeline": {"id": new_id(), "name": f"{self._kind}:{self._name}", **pipeline},
                "kb_id": None if self.active is None else self.active.id,
                "started_at": sql_timestamp(utc_now()),
                "owner": owner.this_process(),
            }
            fact.record(PIPELINE_RUN, self._run_id, "PipelineRunStarted", started)
        return self._settings

    def _discard(self, fact: FactWriter, row: KnowledgeBase) -> None:
        data = {"name": row.name, "version": row.version, PRUNED_AT: sql_timestamp(utc_now()), "run_id": self._run_id}
        fact.record(KNOWLEDGE_BASE, row.id, "KnowledgeBasePruned", data)

    def discard(self) -> None:
        """Give up the version of this run, or of an earlier one: nothing differs. `prune` removes its documents."""
        row, self.base, self.unfinished = self.base or self.unfinished, None, None
        if row is not None and _is_ours(row):
            with self._facts.write() as fact:
                self._require_ours(fact.conn)
                self._discard(fact, row)

    def version(self) -> KnowledgeBase:
        """The version that is built: the one that an earlier run left, or a new one. One transaction the first time."""
        if self.base is not None:
            return self.base
        assert self._settings is not None, "begin() comes first"
        with self._facts.write() as fact:
            self._require_ours(fact.conn)
            if self.unfinished is not None:
                kb_id = self.unfinished.id
                data: dict[str, Any] = {"name": self._name, "version": self.unfinished.version, "run_id": self._run_id}
                fact.record(KNOWLEDGE_BASE, kb_id, "KnowledgeBaseResumed", data)
            else:
                kb_id = new_id()
                rows = queries.knowledge_bases.list_by_name(fact.conn, name=self._name)
                build = {
                    "by": self._kind,
                    "run_id": self._run_id,
                    "parent": None if self.active is None else self.active.version,
                }
                data = {
                    **self._settings._asdict(),
                    "name": self._name,
                    "version": max((row.version for row in rows), default=0) + 1,
                    "run_id": self._run_id,
                    "metadata": {**self._settings.metadata, "build": build},
                }
                fact.record(KNOWLEDGE_BASE, kb_id, "KnowledgeBaseCreated", data)
            base = queries.knowledge_bases.get(fact.conn, id=kb_id)
        if base is None:
            raise self._taken_over()
        self.base = base
        return base

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """A transaction of this run on the app database: for documents and chunks of the version. Says, now and then,
        that the run is there. Raises TransactionFailed where another run took over."""
        with self._facts.app.write() as conn:
            run = self._require_ours(conn)
            if time.monotonic() >= self._next_beat:
                self._beat(conn, run)
            yield conn

    def stored(self, size_bytes: int) -> None:
        """Count what a transaction of `write` stores, inside it: bytes of rows. Now and then it asks for a checkpoint,
        because the checkpointer's own estimate goes by rows, and a few rows may be much."""
        self._stored_bytes += size_bytes
        if self._stored_bytes >= self._facts.app.settings.journal_size_limit // 4:
            self._stored_bytes = 0
            self._facts.app.writer.checkpointer.demand()

    def _beat(self, conn: Writer, run: PipelineRun) -> None:
        self._next_beat = time.monotonic() + HEARTBEAT_SECONDS
        metrics = run.metrics if isinstance(run.metrics, dict) else {}
        metrics = {**metrics, "heartbeat_at": sql_timestamp(utc_now())}
        queries.pipeline_runs.update(conn, id=run.id, metrics=metrics)

    def beat(self) -> None:
        """Say that the run is there, where it did not for HEARTBEAT_SECONDS."""
        if time.monotonic() >= self._next_beat:
            with self.write():
                pass

    def _require_ours(self, conn: Writer) -> PipelineRun:
        run = queries.pipeline_runs.get(conn, id=self._run_id)
        if run is None or run.status != "running":
            raise self._taken_over()
        return run

    def _taken_over(self) -> TransactionFailed:
        return TransactionFailed(
            f"another run that builds {self._name!r} took over",
            operation=self._kind,
            hint="run one ingest or import of a base at a time",
        )

    def complete(self, counts: dict[str, Any], metrics: dict[str, Any]) -> KnowledgeBase | None:
        """Activate the version, if one was built, and end the run: one short transaction. Returns the active version.

        It is activated whatever a person has activated meanwhile. counts: what the event tells of the version. metrics:
        what the run's row keeps. Raises FileReplaced where the database file was deleted meanwhile, TransactionFailed
        where another run took over.
        """
        self._facts.app.require_same_file()
        if self.base is not None:
            counts = {**counts, DOCUMENTS: self._settle_documents(self.base)}
        with self._facts.write() as fact:
            self._require_ours(fact.conn)
            base = self.base or self.active
            if self.base is not None:
                told = {"name": self._name, "version": self.base.version, "run_id": self._run_id, **counts}
                fact.record(KNOWLEDGE_BASE, self.base.id, "KnowledgeBaseActivated", told)
            kb_id = None if base is None else base.id
            end_run(fact, self._run_id, "Completed", kb_id, metrics, None)
        return base

    def _settle_documents(self, base: KnowledgeBase) -> int:
        """How many documents the version has. In split mode they are synced to the disk: the event that it is active
        will be, and after a loss of power may not stand there without them."""
        with self._facts.app.write(durable=self._facts.split) as conn:
            self._beat(conn, self._require_ours(conn))  # a commit of nothing would sync nothing
            return queries.documents.holdings(conn, kb_id=base.id).documents

    def fail(self, status: Literal["Failed", "Cancelled"], error: str, metrics: dict[str, Any]) -> None:
        """End the run, and mark the version `error` where it failed: one transaction. A cancelled run leaves it
        `building`. Does nothing where another run took over, and its best where the database itself is what failed."""
        with suppress(SqlError), self._facts.write() as fact:
            run = queries.pipeline_runs.get(fact.conn, id=self._run_id)
            if run is None or run.status != "running":
                return
            if status == "Failed" and self.base is not None:
                told = {"name": self._name, "version": self.base.version, "run_id": self._run_id}
                fact.record(KNOWLEDGE_BASE, self.base.id, "KnowledgeBaseFailed", told)
            end_run(fact, self._run_id, status, run.kb_id, metrics, error)


def _agrees(row: KnowledgeBase, settings: Settings) -> bool:
    """Whether a version that is not complete was begun with these sizes and this model."""
    mine = (settings.embedder_model, settings.chunk_size, settings.chunk_overlap)
    return (row.embedder_model, row.chunk_size, row.chunk_overlap) == mine


def _is_ours(row: KnowledgeBase) -> bool:
    """Whether a run made this version: one that an application made by itself is never taken away."""
    return build_of(row) is not None


def build_of(row: KnowledgeBase) -> dict[str, Any] | None:
    """What a version's metadata say of the run that made it: {"by", "run_id", "parent"}; None where none did."""
    build = row.metadata.get("build") if isinstance(row.metadata, dict) else None
    return build if isinstance(build, dict) else None
