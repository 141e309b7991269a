"""What the tests of migrations share: schemas as facts, rows of every table, a migration more than the package has."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import ragkernel
from ragkernel.core import migrate
from ragkernel.core.migrate import Migration

if TYPE_CHECKING:
    import pytest

CARRIED = migrate.load(("app_meta", "events"))
LATEST = CARRIED[-1].version
ROOT = Path(__file__).parent.parent.parent
Facts = dict[str, tuple[str, str]]


def objects(connection: sqlite3.Connection) -> Facts:
    """Every table and index with the text of its definition, white space and quotes folded."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").fetchall()
    return {name: (kind, " ".join(sql.replace('"', "").split())) for kind, name, sql in rows}


def facts(path: Path) -> Facts:
    connection = sqlite3.connect(path)
    try:
        return objects(connection)
    finally:
        connection.close()


def schema_sql(*parts: str) -> Facts:
    """What these parts of schema.sql define."""
    sections = (ROOT / "schema.sql").read_text().split("-- part: ")[1:]
    texts = {section.partition("\n")[0].strip(): section.partition("\n")[2] for section in sections}
    connection = sqlite3.connect(":memory:")
    for part in parts:
        connection.executescript(texts[part])
    found = objects(connection)
    connection.close()
    return found


def open_unmigrated(path: Path) -> ragkernel.SqlService:
    return ragkernel.SqlService(ragkernel.SqlConfig.single(path, mmap_size=0, cache_size_kib=1000))


def insert_everything(service: ragkernel.SqlService) -> None:
    """A row in every table of app_meta and events."""
    q = ragkernel.queries
    with service.write() as conn:
        q.settings.insert(conn, key="theme", value="dark")
        base = q.knowledge_bases.insert(conn, id="kb", name="n", status="active", embedder_model="m")
        document = q.documents.insert(
            conn, id="d", kb_id=base.id, title="t", source_path="p", content_hash="h", metadata={"a": [1.0, None]}
        )
        q.document_chunks.insert(
            conn, id="c", document_id=document.id, kb_id=base.id, chunk_index=0, content="x", content_hash="h"
        )
        q.pipelines.insert(conn, id="p", name="p", config={}, status="draft")
        q.pipeline_runs.insert(conn, id="r", pipeline_id="p", kb_id="kb", status="pending")
        q.tools.insert(conn, id="t", name="t", type="t", config={}, schema={})
        q.schedules.insert(conn, id="s", name="s", cron_expression="* * * * *", pipeline_id="p")
        q.flows.insert(conn, id="f", name="f", definition=[])
        q.aggregate_snapshots.insert(
            conn, aggregate_id="a", aggregate_type="t", sequence_number=1, snapshot_data={"x": 1}
        )
        service.events.append(("t", "a"), [ragkernel.NewEvent("made", {"x": 1})])


def everything(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables, but the ledger and the time of the last backup."""
    connection = sqlite3.connect(path)
    tables = [name for name, (kind, _) in objects(connection).items() if kind == "table"]
    rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
    connection.close()
    rows.pop("schema_migrations")
    rows["kernel_state"] = [row for row in rows["kernel_state"] if row[0] != "backup_last_run"]
    return rows


def failing(monkeypatch: pytest.MonkeyPatch, extra: str, down: str = "SELECT 1;") -> None:
    real = migrate.load
    more = Migration(LATEST + 1, "extra", "app_meta", extra, down)
    monkeypatch.setattr(migrate, "load", lambda databases: [*real(databases), more])
