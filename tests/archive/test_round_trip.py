"""What is exported comes back: the same members, byte for byte, and the same values in the same columns."""

from __future__ import annotations

import json
import stat
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.archive import form, writing
from ragkernel.archive.form import CHUNKS, DOCUMENTS, MANIFEST
from ragkernel.errors import ConfigurationError, ExportFailed, NotFound, VersionRefused, WriterTimeout
from ragkernel.knowledge.bases import KnowledgeBases

from .bases import make_base, members, opened, rewritten, sha

if TYPE_CHECKING:
    from pathlib import Path


def test_export_import_export_is_the_same(tmp_path: Path) -> None:
    """An archive that was imported into an empty database and exported again has the same members, byte for byte."""
    with opened(tmp_path / "a") as first, opened(tmp_path / "b") as second:
        texts = [[f"text {number} of {index} ä€😀" for index in range(number % 5)] for number in range(40)]
        make_base(first, texts, metadata={"pages": [1, {"x": None}], "big": 12345678901234567890})
        exported = ragkernel.export_kb(first, "notes", tmp_path / "one.zip")
        imported = ragkernel.import_kb(second, tmp_path / "one.zip")
        again = ragkernel.export_kb(second, "notes", tmp_path / "two.zip")
        assert members(tmp_path / "one.zip") == members(tmp_path / "two.zip")
        assert (exported.documents, exported.chunks) == (imported.documents, imported.chunks) == (40, 80)
        assert exported[1:5] == again[1:5] == ("notes", 1, 40, 80)
        assert exported.size_bytes == (tmp_path / "one.zip").stat().st_size
        with second.read() as conn:
            base = queries.knowledge_bases.get(conn, id=imported.kb_id)
            run = queries.pipeline_runs.get(conn, id=imported.run_id)
        assert base is not None
        assert run is not None
        assert base.status == run.status.replace("completed", "active") == "active"
        assert run.kb_id == base.id


def test_every_value_of_the_columns_comes_back(tmp_path: Path) -> None:
    """Values that other programs may write stand as they are: the text of JSON numbers, NUL, every plane of Unicode."""
    number = '{"n": 1e3, "m": [1.0, 12345678901234567890123, -0.0, 1E400], "t": "\\u00e4"}'
    text = "line\nline\r\n\0behind NUL\u2028\x85\x1f\ufeff\uffff\U0010ffff"
    with opened(tmp_path / "a") as first, opened(tmp_path / "b") as second:
        kb_id = make_base(first, [[]])
        with first.write() as conn:
            conn.execute(
                "UPDATE documents SET title = ?, source_path = ?, license_info = ?, metadata = ?, content_hash = '',"
                " size_bytes = ?, created_at = '0001-01-01 00:00:00', updated_at = '9999-12-31 23:59:59.999999'",
                (text, text.replace("\0", ""), text, number, -(2**63)),
            )
            for index, content in ((-(2**63), ""), (0, text), (2**63 - 1, " ")):
                conn.execute(
                    "INSERT INTO document_chunks (id, document_id, kb_id, chunk_index, content, content_hash,"
                    " token_count, metadata, created_at)"
                    " SELECT ?, id, kb_id, ?, ?, ?, ?, ?, ? FROM documents WHERE kb_id = ?",
                    (str(index), index, content, sha(content), None, "null", "2024-01-01 00:00:00.000001", kb_id),
                )
        ragkernel.export_kb(first, "notes", tmp_path / "a.zip")
        ragkernel.import_kb(second, tmp_path / "a.zip")
        ragkernel.export_kb(second, "notes", tmp_path / "b.zip")
        assert members(tmp_path / "a.zip") == members(tmp_path / "b.zip")
        documents = (
            "SELECT title, source_path, license_info, metadata, content_hash, size_bytes, created_at, updated_at,"
            " length(CAST(title AS BLOB)), typeof(title) FROM documents"
        )
        chunks = "SELECT chunk_index, content, content_hash, token_count, metadata, created_at FROM document_chunks"
        for sql in (documents, chunks + " ORDER BY chunk_index"):
            with first.read() as one, second.read() as other:
                rows = other.execute(sql)
                assert rows == one.execute(sql)
                assert rows
        with second.read() as conn:
            assert conn.execute("SELECT metadata, chunk_count FROM documents") == [(number, 3)]


def test_any_tool_can_read_it(tmp_path: Path, service: ragkernel.SqlService) -> None:
    """An archive is a zip of JSON lines whose chunks name their documents by number; only its owner may read it."""
    make_base(service, [["one", "two"], ["three"]])
    ragkernel.export_kb(service, "notes", tmp_path / "a.zip")
    assert stat.S_IMODE((tmp_path / "a.zip").stat().st_mode) == 0o600
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        documents = [json.loads(line) for line in archive.read(DOCUMENTS).splitlines()]
        chunks = [json.loads(line) for line in archive.read(CHUNKS).splitlines()]
        manifest = json.loads(archive.read(MANIFEST))
    assert [(row["document"], row["source_path"], row["chunk_count"]) for row in documents] == [
        (1, "000000.md", 2),
        (2, "000001.md", 1),
    ]
    assert [(row["document"], row["chunk_index"], row["content"]) for row in chunks] == [
        (1, 0, "one"),
        (1, 1, "two"),
        (2, 0, "three"),
    ]
    assert manifest["counts"] == {"documents": 2, "chunks": 3}
    assert "id" not in {*documents[0], *chunks[0], *manifest["knowledge_base"]}


def test_an_import_is_the_next_version(tmp_path: Path, service: ragkernel.SqlService) -> None:
    """Under a name that is there an archive becomes the next version, active; two complete and pinned ones stay."""
    make_base(service, [["one"]], metadata={"build": {"by": "ingest"}, "kept": 1})
    ragkernel.export_kb(service, "notes", tmp_path / "a.zip")
    service.knowledge_bases.pin("notes", 1)
    done = [ragkernel.import_kb(service, tmp_path / "a.zip") for _ in range(3)]
    assert [(one.version, one.pruned) for one in done] == [(2, []), (3, []), (4, [2])]
    states = [(one.version, one.status, one.documents) for one in service.knowledge_bases.versions("notes")]
    assert states == [(1, "inactive", 1), (2, "inactive", 0), (3, "inactive", 1), (4, "active", 1)]
    other = ragkernel.import_kb(service, tmp_path / "a.zip", name="other")
    assert (other.name, other.version) == ("other", 1)
    with service.read() as conn:
        base = queries.knowledge_bases.get(conn, id=other.kb_id)
    assert base is not None
    assert base.metadata == {"kept": 1, "build": {"by": "import", "run_id": other.run_id, "parent": None}}
    events = [event.event_type for event in service.events.read(("knowledge_base", other.kb_id))]
    assert events == ["KnowledgeBaseCreated", "KnowledgeBaseActivated"]


def test_an_imported_base_can_be_ingested(tmp_path: Path, service: ragkernel.SqlService) -> None:
    """Ingest goes on from an imported version: what is unchanged is not stored again."""
    (tmp_path / "text").mkdir()
    for name in ("a", "b"):
        (tmp_path / "text" / f"{name}.md").write_text(f"# {name}\n\ntext\n")
    ragkernel.ingest(service, tmp_path / "text", kb="x")
    ragkernel.export_kb(service, "x", tmp_path / "x.zip")
    ragkernel.import_kb(service, tmp_path / "x.zip", name="y")
    assert ragkernel.ingest(service, tmp_path / "text", kb="y").nothing_to_do
    (tmp_path / "text" / "b.md").write_text("other\n")
    report = ragkernel.ingest(service, tmp_path / "text", kb="y")
    assert (report.version, report.unchanged, report.changed) == (2, 1, 1)


ROOTS = [
    ('{"root": "/home/one", "n": 1e3}', '{"n": 1e3}'),
    (
        '{ "a": [1.0, {"root": "}"}] , "root":"\\ud800","\\u0072oot" : {"root": []},"b":"\\"root\\": \\u00e4" }',
        '{"a": [1.0, {"root": "}"}], "b":"\\"root\\": \\u00e4"}',
    ),
    ('{"root": 5}', "{}"),
    ('{"Root": 5, "x" : {"root":1}} ', '{"Root": 5, "x" : {"root":1}} '),
    ('["root"]', '["root"]'),
]


@pytest.mark.parametrize(("given", "expected"), ROOTS)
def test_an_archive_knows_no_folder(tmp_path: Path, service: ragkernel.SqlService, given: str, expected: str) -> None:
    """The folder of a document is left out in writing and in reading, whatever it is; other metadata stay as text."""
    make_base(service, [["one"]])
    with service.write() as conn:
        conn.execute("UPDATE documents SET metadata = ?", (given,))
    ragkernel.export_kb(service, "notes", tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        (row,) = map(json.loads, archive.read(DOCUMENTS).splitlines())
    assert row["metadata"] == expected
    line = json.dumps({**row, "metadata": given}).encode() + b"\n"
    foreign = rewritten(tmp_path / "a.zip", tmp_path / "b.zip", {DOCUMENTS: line})
    done = ragkernel.import_kb(service, foreign)
    with service.read() as conn:
        assert conn.execute("SELECT metadata FROM documents WHERE kb_id = ?", (done.kb_id,)) == [(expected,)]
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "000000.md").write_text("other\n")
    assert ragkernel.ingest(service, tmp_path / "text", kb="notes").changed == 1


def test_an_empty_base(tmp_path: Path, service: ragkernel.SqlService) -> None:
    """A base without documents makes an archive without lines, which comes back."""
    make_base(service, [])
    ragkernel.export_kb(service, "notes", tmp_path / "a.zip")
    assert ragkernel.import_kb(service, tmp_path / "a.zip", name="b").documents == 0


def test_a_version_that_cannot_be_exported(tmp_path: Path, service: ragkernel.SqlService) -> None:
    """Versions that are not there, are not complete or were pruned are refused, and no file is made."""
    make_base(service, [["one"]])
    for number in (2, 3):
        make_base(service, [["one"]], version=number)
    service.knowledge_bases.activate("notes", 3)
    assert service.knowledge_bases.prune("notes", keep=1) == [1, 2]
    with service.write() as conn:
        queries.knowledge_bases.insert(
            conn, id="x", name="notes", version=4, status="building", embedder_model="none", metadata={}
        )
    for name, version, kind in (
        ("none", None, NotFound),
        ("notes", 9, NotFound),
        ("notes", 1, VersionRefused),
        ("notes", 4, VersionRefused),
    ):
        with pytest.raises(kind) as refused:
            ragkernel.export_kb(service, name, tmp_path / "a.zip", version=version)
        assert refused.value.hint
    assert ragkernel.export_kb(service, "notes", tmp_path / "a.zip").version == 3


def test_a_file_that_is_there_is_never_replaced(tmp_path: Path, service: ragkernel.SqlService) -> None:
    """Export refuses a name that is taken, also where it was taken while the export ran; the file stays as it was."""
    make_base(service, [["one"]])
    target = tmp_path / "out" / "a.zip"
    target.parent.mkdir()
    target.write_text("mine")
    with pytest.raises(ConfigurationError, match="there is a file of this name"):
        ragkernel.export_kb(service, "notes", target)
    target.unlink()
    with pytest.raises(ConfigurationError, match="there is a file of this name"):
        ragkernel.export_kb(service, "notes", target, progress=lambda *_: target.write_text("mine"))
    assert [(path.name, path.read_text()) for path in target.parent.iterdir()] == [("a.zip", "mine")]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE documents SET source_path = 'same'", "same source_path"),
        ("UPDATE document_chunks SET content_hash = 'x' WHERE content = 'two'", "content_hash is not the SHA-256"),
        ("UPDATE document_chunks SET metadata = '{' WHERE content = 'two'", "metadata is no JSON text"),
        ("UPDATE documents SET metadata = 'NaN' WHERE title = 'Title 1'", "metadata is no JSON text"),
        ("UPDATE knowledge_bases SET metadata = '[1]'", "its metadata is no JSON object"),
        ("UPDATE knowledge_bases SET metadata = '{\"x\": 1e400}'", "cannot be written as JSON"),
        ("UPDATE knowledge_bases SET description = 'a' || char(0)", "NUL"),
        ("UPDATE knowledge_bases SET chunk_size = 0, chunk_overlap = 0", "no sizes that chunks can have"),
        ("UPDATE documents SET source_path = 'a' || char(0) WHERE title = 'Title 1'", "source_path holds a NUL"),
        (
            f"UPDATE documents SET metadata = json_quote(hex(zeroblob({form.METADATA_BYTES // 2})))",
            "metadata is longer than 1 MiB",
        ),
    ],
)
def test_a_row_that_no_archive_can_hold(tmp_path: Path, service: ragkernel.SqlService, sql: str, told: str) -> None:
    """What an import would refuse is refused by the export already, naming the row and no value; no file is left."""
    make_base(service, [["one"], ["two"]])
    with service.write() as conn:
        conn.execute(sql)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(ExportFailed, match=told) as failed:
        ragkernel.export_kb(service, "notes", out / "a.zip")
    assert "two" not in str(failed.value)
    assert list(out.iterdir()) == []


def test_a_page_is_small_where_chunks_are_large(
    tmp_path: Path, service: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a page of large chunks fewer are read at once, and after small ones more again; all are exported."""
    pages: list[tuple[int, int]] = []
    chunks = queries.archive.chunks

    def seen(conn: Any, *, document_id: str, first: int, limit: int) -> Any:
        page = chunks(conn, document_id=document_id, first=first, limit=limit)
        pages.append((limit, len(page)))
        return page

    monkeypatch.setattr(queries.archive, "chunks", seen)
    monkeypatch.setattr(writing, "_PAGE_BYTES", 10_000)
    make_base(service, [["x" * 5000] * 20 + ["y"] * 40])
    assert ragkernel.export_kb(service, "notes", tmp_path / "a.zip").chunks == 60
    limits = [limit for limit, _ in pages]
    assert (limits[0], limits[1], max(limits[2:])) == (writing._PAGE_ROWS, 1, writing._PAGE_ROWS)
    assert sum(count for _, count in pages) == 60


def test_an_export_is_of_one_moment(tmp_path: Path, service: ragkernel.SqlService) -> None:
    """What is written, pruned or removed while an export runs is not in it: it shows the base as it was at first."""
    make_base(service, [[f"{number}"] for number in range(1500)])
    ragkernel.export_kb(service, "notes", tmp_path / "a.zip")
    seen: list[int] = []

    def remove(step: str, done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 1:
            assert done < total
            with opened_again(service) as other:
                other.knowledge_bases.remove("notes")

    ragkernel.export_kb(service, "notes", tmp_path / "b.zip", progress=remove)
    assert members(tmp_path / "a.zip") == members(tmp_path / "b.zip")
    assert seen[-1] == 3000
    with pytest.raises(NotFound):
        service.knowledge_bases.versions("notes")


def opened_again(service: ragkernel.SqlService) -> ragkernel.SqlService:
    """Another service over the same file."""
    return ragkernel.SqlService(service.config)


def test_a_folder_that_is_not_there(tmp_path: Path, service: ragkernel.SqlService) -> None:
    """A place that cannot be written is told by an ExportFailed, and no folder is made."""
    make_base(service, [["one"]])
    with pytest.raises(ExportFailed, match="No such file or directory"):
        ragkernel.export_kb(service, "notes", tmp_path / "none" / "a.zip")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), FileExistsError(17, "File exists")])
def test_an_error_of_the_callback_is_its_own(tmp_path: Path, service: ragkernel.SqlService, error: OSError) -> None:
    """An OSError of the callback is not taken for one of the archive's file, wherever it is raised."""
    make_base(service, [[f"{number}"] for number in range(600)])
    (tmp_path / "out").mkdir()
    for stop in (1000, 1200):

        def fail(step: str, done: int, total: int, stop: int = stop) -> None:
            if done == stop:
                raise error

        with pytest.raises(OSError) as raised:
            ragkernel.export_kb(service, "notes", tmp_path / "out" / "a.zip", progress=fail)
        assert raised.value is error
        assert list((tmp_path / "out").iterdir()) == []


def test_what_comes_after_the_activation_is_no_failure(
    tmp_path: Path, service: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where old versions cannot be pruned the import is done all the same; an interrupt says that it is."""
    make_base(service, [["one"]])
    ragkernel.export_kb(service, "notes", tmp_path / "a.zip")
    ragkernel.import_kb(service, tmp_path / "a.zip")

    def refuse(self: KnowledgeBases, name: str, keep: int) -> list[int]:
        raise WriterTimeout("no turn", operation="write")

    def interrupt(self: KnowledgeBases, name: str, keep: int) -> list[int]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(KnowledgeBases, "prune", refuse)
        done = ragkernel.import_kb(service, tmp_path / "a.zip")
        assert (done.version, done.pruned) == (3, [])
        patch.setattr(KnowledgeBases, "prune", interrupt)
        with pytest.raises(KeyboardInterrupt, match="version 4 is active already"):
            ragkernel.import_kb(service, tmp_path / "a.zip")
    assert service.knowledge_bases.version("notes").version == 4
    assert ragkernel.import_kb(service, tmp_path / "a.zip").pruned == [1, 2, 3]


def test_an_exception_of_the_caller_ends_it(tmp_path: Path, service: ragkernel.SqlService) -> None:
    """An exception of the callback leaves export and import; no file is left, the base stays, its next version is not
    seen, and the next import removes it."""
    make_base(service, [["one"]])
    (tmp_path / "out").mkdir()

    def stop(step: str, done: int, total: int) -> None:
        if step in ("write", "store"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ragkernel.export_kb(service, "notes", tmp_path / "out" / "a.zip", progress=stop)
    assert list((tmp_path / "out").iterdir()) == []
    ragkernel.export_kb(service, "notes", tmp_path / "a.zip")
    with pytest.raises(KeyboardInterrupt):
        ragkernel.import_kb(service, tmp_path / "a.zip", progress=stop)
    states = [(one.version, one.status, one.documents) for one in service.knowledge_bases.versions("notes")]
    assert states == [(1, "active", 1), (2, "building", 1)]
    with service.read() as conn:
        assert [run.status for run in queries.pipeline_runs.list_all(conn)] == ["cancelled"]
    assert ragkernel.import_kb(service, tmp_path / "a.zip").version == 3
    states = [(one.version, one.status, one.documents) for one in service.knowledge_bases.versions("notes")]
    assert states == [(1, "inactive", 1), (2, "inactive", 0), (3, "active", 1)]
