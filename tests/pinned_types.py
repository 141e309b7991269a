"""What type checkers see of the public surface. Checked by mypy and never run: a `type: ignore` that is not needed any
more fails, so each one here states that the line is a type error."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import assert_type

import ragkernel
from ragkernel import models, queries
from ragkernel.connections import Reader, Result, Writer


def scopes(service: ragkernel.SqlService) -> None:
    assert_type(service.read(), AbstractContextManager[Reader])
    assert_type(service.write(), AbstractContextManager[Writer])
    assert_type(service.write_events(), AbstractContextManager[Writer])
    assert_type(service.get_app_connection(), AbstractContextManager[Reader])
    assert_type(service.get_app_connection(write=True), AbstractContextManager[Writer])
    assert_type(service.get_events_connection(write=True), AbstractContextManager[Writer])
    with service.read() as conn:
        assert_type(conn.execute("SELECT 1"), Result)


def a_writer_reads(writer: Writer) -> None:
    assert_type(queries.documents.get(writer, id="d"), models.Document | None)


def a_reader_does_not_write(reader: Reader) -> None:
    queries.settings.insert(reader, key="a", value="b")  # type: ignore[arg-type]
    queries.settings.upsert(reader, key="a", value="b")  # type: ignore[arg-type]
    queries.settings.update(reader, id=1, value="b")  # type: ignore[arg-type]
    queries.settings.delete(reader, id=1)  # type: ignore[arg-type]
    queries.document_chunks.insert_many(reader, [])  # type: ignore[arg-type]
    queries.document_chunks.delete_of_document(reader, document_id="d")  # type: ignore[arg-type]
    reader.change("DELETE FROM settings")  # type: ignore[attr-defined]


def columns(base: models.KnowledgeBase) -> None:
    assert_type(base.id, str)
    assert_type(base.version, int)
    assert_type(base.health_score, float)
    assert_type(base.description, str | None)
    assert_type(base.created_at, datetime)
    assert_type(base.pinned_version, int | None)
    base.status = "active"
    base.status = "sleeping"  # type: ignore[assignment]


def values(writer: Writer) -> None:
    queries.knowledge_bases.insert(writer, id="a", name="b", status="active", embedder_model="m")
    queries.knowledge_bases.insert(writer, id="a", name="b", status="sleeping", embedder_model="m")  # type: ignore[arg-type]
    queries.knowledge_bases.insert(writer, id="a", name="b", status="active")  # type: ignore[call-arg]
    queries.tools.insert(writer, id="a", name="b", type="t", config={"a": [1, None]}, schema={}, enabled=True)
    queries.pipeline_runs.update(writer, id="r", started_at="2026-01-02")  # type: ignore[arg-type]


def pages(reader: Reader) -> None:
    page = queries.documents.page_by_kb_id(reader, kb_id="k", limit=10)
    assert_type(page.items, list[models.Document])
    assert_type(queries.documents.get_many(reader, ["a", "b"]), list[models.Document])
    assert_type(queries.documents.exists(reader, id="a"), bool)
    assert_type(queries.documents.count(reader), int)
    assert_type(queries.knowledge_bases.pinned(reader, name="n"), models.KnowledgeBase | None)
    assert_type(queries.document_chunks.neighbours(reader, id="c", radius=2), list[models.DocumentChunk])


def events(service: ragkernel.SqlService) -> None:
    assert_type(service.events.append(("t", "1"), [ragkernel.NewEvent("made", {})]), list[models.Event])
    assert_type(service.health_check(), ragkernel.DatabaseHealthMetrics)
    assert_type(service.backup_databases(), list[ragkernel.Backup])
