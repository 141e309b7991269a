"""The runs that build a knowledge base now: at most one at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ragkernel.clock import parse_timestamp, sql_timestamp, utc_now
from ragkernel.errors import TransactionFailed
from ragkernel.generated import queries

from . import owner
from .effects import PIPELINE_RUN

if TYPE_CHECKING:
    from ragkernel.connections import Reader
    from ragkernel.generated.models import PipelineRun

    from .facts import FactWriter

# How often a run says that it is there, and how long it may be silent where its process cannot be seen from here.
HEARTBEAT_SECONDS = 10.0
SILENCE = timedelta(seconds=120)
# How long it may be silent while its process is there: the process may go on with other things, and have failed to say
# that this run has ended. A run that is overtaken by mistake stores nothing more.
SILENCE_OF_LIVING = timedelta(seconds=600)


def running(conn: Reader, name: str) -> list[PipelineRun]:
    """The runs of a base that are `running`, the oldest first, whether or not their process is still there."""
    return queries.pipeline_runs.running_of_base(conn, ingest_name=f"ingest:{name}", import_name=f"import:{name}")


def require_none_alive(conn: Reader, name: str, operation: str) -> None:
    """Raises TransactionFailed, with the process and the run, where somebody builds the base now."""
    for run in running(conn, name):
        if not alive(run.id, run.metrics):
            continue
        named = owner.owner_of(run.metrics) or {}
        since = f" since {run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run.started_at else ""
        beat = heartbeat_of(run.metrics)
        last = f", last heard of at {beat:%H:%M:%S}" if beat else ""
        elsewhere = "" if owner.state(run.id, run.metrics) == "alive" else f" on {named.get('host')}"
        raise TransactionFailed(
            f"process {named.get('pid')}{elsewhere} is building {name!r}{since}{last} (run {run.id})",
            operation=operation,
            hint="wait until it is done, or end that process",
        )


def alive(run_id: str, metrics: Any) -> bool:
    """Whether a run goes on: its process is there, or cannot be seen from here, and it was heard of not long ago."""
    state, beat = owner.state(run_id, metrics), heartbeat_of(metrics)
    if state == "gone" or owner.owner_of(metrics) is None:
        return False
    if state == "alive":
        return beat is None or abs(utc_now() - beat) < SILENCE_OF_LIVING
    return beat is not None and abs(utc_now() - beat) < SILENCE


def give_up(fact: FactWriter, name: str, why: str, *, by: str | None = None) -> None:
    """Mark the runs of a base that are still `running` failed. by: the run that takes over."""
    for run in running(fact.conn, name):
        end_run(fact, run.id, "Failed", run.kb_id, run.metrics, why, by=by)


def end_run(
    fact: FactWriter,
    run_id: str,
    status: str,
    kb_id: str | None,
    metrics: Any,
    error: str | None,
    *,
    by: str | None = None,
) -> None:
    """Record that a run has ended. status: Completed, Failed or Cancelled."""
    data = {"completed_at": sql_timestamp(utc_now()), "kb_id": kb_id, "metrics": metrics, "error": error}
    if by is not None:
        data["superseded_by"] = by
    fact.record(PIPELINE_RUN, run_id, f"PipelineRun{status}", data)


def heartbeat_of(metrics: Any) -> datetime | None:
    """When a run last said that it is there; None where it never did."""
    text = metrics.get("heartbeat_at") if isinstance(metrics, dict) else None
    try:
        return parse_timestamp(text) if isinstance(text, str) else None
    except ValueError:
        return None
