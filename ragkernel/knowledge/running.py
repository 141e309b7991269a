"""The runs that build a knowledge base now: at most one at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ragkernel.clock import parse_timestamp, utc_now
from ragkernel.errors import TransactionFailed
from ragkernel.generated import queries

from . import owner

if TYPE_CHECKING:
    from ragkernel.connections import Reader
    from ragkernel.generated.models import PipelineRun

# How often a run says that it is there, and how long it may be silent where its process cannot be seen from here.
HEARTBEAT_SECONDS = 10.0
SILENCE = timedelta(seconds=120)


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
    """Whether the process of a run is there: as the system says, or by its heartbeat where that cannot be asked."""
    state = owner.state(run_id, metrics)
    if state != "unknown":
        return state == "alive"
    beat = heartbeat_of(metrics)
    return owner.owner_of(metrics) is not None and beat is not None and abs(utc_now() - beat) < SILENCE


def heartbeat_of(metrics: Any) -> datetime | None:
    """When a run last said that it is there; None where it never did."""
    text = metrics.get("heartbeat_at") if isinstance(metrics, dict) else None
    try:
        return parse_timestamp(text) if isinstance(text, str) else None
    except ValueError:
        return None
