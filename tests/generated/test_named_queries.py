"""The project's named queries on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragkernel.errors import DecodeError, ValueRefused
from ragkernel.generated import models
from ragkernel.generated.queries import (
    document_chunks,
    documents,
    events,
    knowledge_bases,
    pipeline_runs,
)
from tests.generated import samples

if TYPE_CHECKING:
    from tests.generated.support import Connection


def version(conn: Connection, number: int, status: str, pinned: int | None = None) -> models.KnowledgeBase:
    return knowledge_bases.insert(
        conn,
        id=f"v{number}",
        name="handbook",
        version=number,
        status=status,  # type: ignore[arg-type]
        embedder_model="m",
        pinned_version=pinned,
    )


def test_latest_active(conn: Connection) -> None:
    """The newest active version of a name, never one that is being built."""
    assert knowledge_bases.latest_active(conn, name="handbook") is None
    version(conn, 1, "active")
    second = version(conn, 2, "active")
    version(conn, 3, "building")
    assert knowledge_bases.latest_active(conn, name="handbook") == second


def test_pinned(conn: Connection) -> None:
    """The version that the newest pin of a name says; none without a pin."""
    first = version(conn, 1, "inactive")
    version(conn, 2, "active")
    assert knowledge_bases.pinned(conn, name="handbook") is None
    version(conn, 3, "active", pinned=1)
    assert knowledge_bases.pinned(conn, name="handbook") == first


def test_activate(conn: Connection) -> None:
    """Activating a version makes the other active ones of its name inactive, and no other row."""
    version(conn, 1, "active")
    version(conn, 2, "building")
    other = knowledge_bases.insert(conn, id="o", name="other", status="active", embedder_model="m")
    assert knowledge_bases.activate(conn, id="v2", updated_at=samples.START) == 2
    rows = knowledge_bases.list_by_name(conn, name="handbook")
    assert [row.status for row in rows] == ["inactive", "active"]
    assert knowledge_bases.get(conn, id="o") == other


def test_statistics(conn: Connection) -> None:
    """Each version with its sums; zeros for one without documents."""
    samples.fill(conn)
    found = {row.id: (row.documents, row.chunks, row.size_bytes) for row in knowledge_bases.statistics(conn)}
    assert found == {"id1": (2, 0, 3), "id2": (1, 0, 3), "id3": (0, 0, 0)}


def test_documents(conn: Connection) -> None:
    """Look-ups within a base by hash, path and size; counts refreshed in one UPDATE."""
    made = samples.fill(conn)["documents"]
    assert documents.with_hash(conn, content_hash="one", kb_id="id1") == made[:2]
    assert documents.at_path(conn, kb_id="id1", source_path="p2") == made[1]
    assert documents.largest(conn, kb_id="id1", limit=1) == [made[1]]
    assert [row.id for row in documents.fingerprints(conn, kb_id="id1")] == ["id1", "id2"]
    assert documents.refresh_counts(conn, id="id1", size_bytes=9, updated_at=samples.moment(1)) == 1
    refreshed = documents.get(conn, id="id1")
    assert refreshed is not None
    assert (refreshed.chunk_count, refreshed.size_bytes, refreshed.updated_at) == (2, 9, samples.moment(1))
    assert documents.refresh_counts(conn, id="none", size_bytes=9, updated_at=samples.moment(1)) == 0


def test_chunks(conn: Connection) -> None:
    """Neighbours in order within the radius and the document; the active version's chunks in batches."""
    samples.fill(conn)
    conn.raw.execute("DELETE FROM document_chunks")
    form = {"document_id": "id1", "kb_id": "id1", "content_hash": "h"}
    forms = [models.NewDocumentChunk(id=f"c{n}", chunk_index=n, content=str(n), **form) for n in range(10)]  # type: ignore[arg-type]
    document_chunks.insert_many(conn, forms)
    assert [row.chunk_index for row in document_chunks.neighbours(conn, id="c1", radius=2)] == [0, 1, 2, 3]
    conn.raw.execute("UPDATE knowledge_bases SET status = 'inactive' WHERE id = 'id2'")
    seen, after = [], 0
    while batch := document_chunks.of_active_version(conn, name="one", after=after, limit=4):
        seen += [row.id for row in batch]
        after = batch[-1].position
    assert seen == [f"c{n}" for n in range(10)]
    assert document_chunks.delete_of_document(conn, document_id="id1") == 10


def test_runs(conn: Connection) -> None:
    """Runs by status carry their pipeline's name; an optional filter that is None filters nothing."""
    samples.fill(conn)
    assert [row.pipeline_name for row in pipeline_runs.by_status(conn, status="running", limit=9)] == ["n1", "n1"]
    assert [row.id for row in pipeline_runs.newest_first(conn, limit=9)] == ["id3", "id2", "id1"]
    assert [row.id for row in pipeline_runs.newest_first(conn, before="id3", status="running", limit=1)] == ["id2"]


def append(conn: Connection, number: int, **columns: object) -> models.Event | None:
    given = {"event_data": '{"a":1.0}', "metadata": None} | columns
    return events.append(
        conn,
        event_id=f"e{number}",
        event_type="t",
        aggregate_id="a",
        aggregate_type="thing",
        sequence_number=number,
        timestamp=samples.START,
        payload_salt=b"s",
        payload_digest="d",
        checksum=f"c{number}",
        **given,  # type: ignore[arg-type]
    )


def test_events(conn: Connection) -> None:
    """Events are appended with their JSON text as given and read decoded or raw, in order."""
    stream = {"aggregate_id": "a", "aggregate_type": "thing"}
    assert events.head(conn, **stream) is None
    first = append(conn, 1)
    assert first is not None
    assert first.event_data == {"a": 1.0}
    append(conn, 2)
    head = events.head(conn, **stream)
    assert head is not None
    assert (head.sequence_number, head.checksum) == (2, "c2")
    assert events.read_stream(conn, **stream, after=0, limit=-1)[0] == first
    [raw] = events.read_stream_raw(conn, **stream, after=0, limit=1)
    assert (raw.event_data, raw.metadata, raw.timestamp) == ('{"a":1.0}', None, "2026-01-02 03:04:05.000678")
    with pytest.raises(ValueRefused, match="event_data"):
        append(conn, 3, event_data="\ud800")


def test_a_foreign_value_in_a_query_is_an_error(conn: Connection) -> None:
    """A named query's own row class is checked as a table's is."""
    append(conn, 1)
    conn.raw.execute("UPDATE events SET checksum = x'00'")
    with pytest.raises(DecodeError, match=r"events\.checksum"):
        events.head(conn, aggregate_id="a", aggregate_type="thing")
