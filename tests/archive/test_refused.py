"""Files that are no sound archives: each is refused with its reason, and nothing of it reaches the database."""

from __future__ import annotations

import json
import os
import struct
import threading
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.archive import form, reading, storing
from ragkernel.archive.form import CHUNKS, DOCUMENTS, MANIFEST
from ragkernel.errors import ArchiveRefused, ConfigurationError, TransactionFailed

from .bases import lines_of, make_base, require_refused, rewritten, sha

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Lines = list[dict[str, Any]]


def changed(archive: Path, name: str, change: Callable[[Lines], object]) -> Path:
    """A sealed copy of the archive, the rows of one member changed."""
    rows = lines_of(archive, name)
    change(rows)
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    return rewritten(archive, archive.with_name("changed.zip"), {name: data})


def test_every_cut_is_refused(archive: Path, service: ragkernel.SqlService) -> None:
    """A file that ends too early is refused wherever it was cut."""
    whole = archive.read_bytes()
    cut = archive.with_name("cut.zip")
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(ArchiveRefused):
            ragkernel.archive.check(cut)
    require_refused(service, cut, "no zip file, or it is cut short")


def test_every_changed_byte_is_refused_or_without_effect(archive: Path) -> None:
    """No single changed byte is taken for the archive: it is refused, or changes what no reader looks at."""
    whole = archive.read_bytes()
    with reading.opened(str(archive)) as opened:
        rows = list(opened.rows())
    broken = archive.with_name("broken.zip")
    refused = 0
    for place in range(len(whole)):
        broken.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            with reading.opened(str(broken)) as opened:
                assert list(opened.rows()) == rows
        except ArchiveRefused:
            refused += 1
    assert refused > len(whole) * 0.7


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({MANIFEST: None}, "its members are not"),
        ({CHUNKS: None}, "its members are not"),
        ({"extra.txt": b"x"}, "its members are not"),
        ({"../../evil": b"x", CHUNKS: None}, "its members are not"),
        ({MANIFEST: b"[]"}, "it is no JSON object"),
        ({MANIFEST: b"{"}, "it is no JSON text"),
        ({MANIFEST: b"\xff"}, "it is no JSON text"),
        ({MANIFEST: b'{"a": 1, "a": 1}'}, "it is no JSON text"),
        ({MANIFEST: b" " * (form.MANIFEST_BYTES + 1)}, "it is longer than 1 MiB"),
        ({MANIFEST: b"[" * 100_000}, "it is no JSON text"),
        ({MANIFEST: {"format": "other"}}, "its format is not"),
        ({MANIFEST: {"format_number": 2}}, "its form is 2; this version of ragkernel reads up to 1"),
        ({MANIFEST: {"format_number": True}}, "format_number is no integer"),
        ({MANIFEST: {"exported_at": "yesterday"}}, "exported_at is not of the form"),
        ({MANIFEST: {"counts": {"documents": 2, "chunks": 4}}}, "other counts than there are rows"),
        ({MANIFEST: {"counts": {"documents": 3, "chunks": 3}}}, "other counts than there are rows"),
        ({MANIFEST: {"counts": {"documents": -1, "chunks": 3}}}, "documents is no integer from 0 on"),
        ({MANIFEST: {"members": {DOCUMENTS: {}, CHUNKS: {}}}}, "has other keys"),
        ({MANIFEST: {"surplus": 1}}, "it has other keys"),
        ({MANIFEST: {"knowledge_base": {"name": "x"}}}, "knowledge_base has other keys"),
        ({DOCUMENTS: b""}, "it has no document"),
        ({CHUNKS: b""}, "of which chunks are missing"),
        ({DOCUMENTS: b"{}\n"}, "line 1 of documents.jsonl: it has other keys"),
        ({DOCUMENTS: b"\n"}, "line 1 of documents.jsonl: it is no flat JSON object"),
        ({CHUNKS: b"nonsense"}, "line 1 of chunks.jsonl: it has no end|it is not of document 1"),
        ({CHUNKS: b"NaN\n"}, "line 1 of chunks.jsonl: it is no flat JSON object"),
    ],
)
def test_members_and_manifest(archive: Path, service: ragkernel.SqlService, changes: dict[str, Any], told: str) -> None:
    """Members that are missing, too many or of another form are refused, also where the checksums fit."""
    require_refused(service, rewritten(archive, archive.with_name("x.zip"), dict(changes)), told)


def replace(place: int, **values: Any) -> Callable[[Lines], object]:
    """A change of one row."""
    return lambda rows: rows[place].update(values)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        (
            DOCUMENTS,
            replace(1, source_path="000000.md"),
            "line 2 of documents.jsonl: it has the path of the one before",
        ),
        (DOCUMENTS, replace(0, source_path="9.md"), "line 2 of documents.jsonl: it is not in the order of the paths"),
        (DOCUMENTS, replace(1, document=3), "line 2 of documents.jsonl: it has another number than its line"),
        (DOCUMENTS, replace(0, chunk_count=1), "line 2 of chunks.jsonl: it is not of document 2"),
        (DOCUMENTS, replace(0, chunk_count=-1), "chunk_count is below 0"),
        (DOCUMENTS, replace(1, chunk_count=10**15), "line 4 of chunks.jsonl: it is not of document 2"),
        (DOCUMENTS, replace(0, title=None), "title is no text"),
        (DOCUMENTS, replace(0, title="\ud800"), "title holds a lone surrogate"),
        (DOCUMENTS, replace(0, size_bytes=2**63), "size_bytes is no integer"),
        (DOCUMENTS, replace(0, size_bytes=1.0), "size_bytes is no integer"),
        (DOCUMENTS, replace(0, size_bytes=True), "size_bytes is no integer"),
        (DOCUMENTS, replace(0, created_at="2024-02-29T00:00:00"), "created_at is not of the form"),
        (DOCUMENTS, replace(0, created_at="2023-02-29 00:00:00"), "created_at is not of the form"),
        (DOCUMENTS, replace(0, source_path="0000\x0000.md"), "source_path holds a NUL character"),
        (DOCUMENTS, replace(0, metadata={"a": 1}), "it is no flat JSON object"),
        (DOCUMENTS, replace(0, metadata=[]), "it is no flat JSON object"),
        (DOCUMENTS, lambda rows: rows[0].update({str(number): 0 for number in range(21)}), "it is no flat JSON object"),
        (DOCUMENTS, replace(0, metadata=1), "metadata is no text"),
        (DOCUMENTS, replace(0, metadata=json.dumps("x" * form.METADATA_BYTES)), "metadata is longer than 1 MiB"),
        (DOCUMENTS, replace(0, metadata="{a: 1}"), "metadata is no JSON text"),
        (DOCUMENTS, replace(0, metadata="[" * 201 + "]" * 201), "nested deeper than 200 levels"),
        (DOCUMENTS, replace(0, metadata="[" * 99999), "metadata is no JSON text"),
        (DOCUMENTS, replace(0, license_info=1), "license_info is no text"),
        (DOCUMENTS, replace(0, id="x"), "it has other keys"),
        (DOCUMENTS, lambda rows: rows.pop(), "chunks.jsonl: it has no document"),
        (CHUNKS, replace(0, content="changed"), "content_hash is not the SHA-256 of content"),
        (CHUNKS, replace(1, chunk_index=0), "line 2 of chunks.jsonl: it is not in the order of chunk_index"),
        (CHUNKS, replace(2, document=1), "line 3 of chunks.jsonl: it is not of document 2"),
        (CHUNKS, replace(0, token_count="many"), "token_count is no integer"),
        (CHUNKS, replace(0, content=None), "content is no text"),
        (
            CHUNKS,
            lambda rows: rows.pop(),
            "line 3 of chunks.jsonl: it is not of document 2, of which chunks are missing",
        ),
        (CHUNKS, lambda rows: rows.append(dict(rows[2], chunk_index=1)), "one more than its document has"),
        (CHUNKS, lambda rows: rows.append(dict(rows[2], document=3)), "line 4 of chunks.jsonl: it has no document"),
    ],
)
def test_rows(archive: Path, service: ragkernel.SqlService, name: str, change: Any, told: str) -> None:
    """Rows that do not fit are refused with member and line, also where the checksums fit."""
    require_refused(service, changed(archive, name, change), told)


@pytest.mark.parametrize("key", ["build", "pruned_at"])
def test_a_manifest_cannot_speak_for_the_kernel(archive: Path, service: ragkernel.SqlService, key: str) -> None:
    """What the kernel notes in a version's metadata cannot come out of an archive."""
    with zipfile.ZipFile(archive) as opened:
        base = json.loads(opened.read(MANIFEST))["knowledge_base"]
    changes = {MANIFEST: {"knowledge_base": {**base, "metadata": {key: "2024-01-01 00:00:00"}}}}
    require_refused(service, rewritten(archive, archive.with_name("x.zip"), changes), "the kernel's own")


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (-5, 9), (10, 10), (10**7, 0), (True, 0), ("10", 1), (None, 0)])
def test_sizes_that_no_chunk_can_have(
    archive: Path, service: ragkernel.SqlService, size: object, overlap: object
) -> None:
    """Sizes with which every later ingest of the base would fail are refused."""
    with zipfile.ZipFile(archive) as opened:
        base = json.loads(opened.read(MANIFEST))["knowledge_base"]
    changes = {MANIFEST: {"knowledge_base": {**base, "chunk_size": size, "chunk_overlap": overlap}}}
    require_refused(service, rewritten(archive, archive.with_name("x.zip"), changes), "no sizes that chunks can have")


def test_sizes_and_checksums(archive: Path, service: ragkernel.SqlService) -> None:
    """A member of another size or SHA-256 than the manifest says is refused, although its rows fit."""
    rows = lines_of(archive, CHUNKS)
    for change, told in ((" ", "another size"), ("", "another SHA-256")):
        text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows) + change
        data = text.replace('"token_count":1', '"token_count":2').encode()
        require_refused(service, rewritten(archive, archive.with_name("x.zip"), {CHUNKS: data}, seal=False), told)


def test_every_line_has_an_end(archive: Path, service: ragkernel.SqlService) -> None:
    """What stands behind the last newline is no line, and is refused, also where the checksums fit."""
    with zipfile.ZipFile(archive) as opened:
        data = opened.read(CHUNKS)
    broken = rewritten(archive, archive.with_name("x.zip"), {CHUNKS: data + b"{"})
    require_refused(service, broken, "line 4 of chunks.jsonl: it has no end")


def test_a_member_stands_once(archive: Path, service: ragkernel.SqlService) -> None:
    """Two members of one name, of which readers would take different ones, are refused."""
    with zipfile.ZipFile(archive) as opened:
        found = {name: opened.read(name) for name in opened.namelist()}
    twice = archive.with_name("twice.zip")
    with warnings.catch_warnings(), zipfile.ZipFile(twice, "w") as opened:
        warnings.simplefilter("ignore")
        for name in (DOCUMENTS, MANIFEST, DOCUMENTS):
            opened.writestr(name, found[name])
    require_refused(service, twice, "its members are not")
    data = bytearray(archive.read_bytes())
    end = data.rindex(b"PK\5\6")
    directory = data[data.index(b"PK\1\2") : end]
    one = directory[: directory.index(b"PK\1\2", 4)]
    struct.pack_into("<L", data, end + 12, len(directory) + len(one))
    data[end:end] = one  # a fourth entry; their count, at the end, says three as before
    twice.write_bytes(data)
    with zipfile.ZipFile(twice) as opened:
        assert len(opened.infolist()) == 4
    require_refused(service, twice, "its members are not")


def test_other_packing_is_refused(archive: Path, service: ragkernel.SqlService) -> None:
    """Members that are packed by another method, whose memory has no limit, or are encrypted, are refused."""
    with zipfile.ZipFile(archive) as opened:
        found = {name: opened.read(name) for name in opened.namelist()}
    other = archive.with_name("other.zip")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_LZMA) as opened:
        for name, data in found.items():
            opened.writestr(name, data)
    require_refused(service, other, "packed by another method than deflate")
    data = archive.read_bytes()
    place = data.index(b"PK\1\2") + 8  # the flags of the first member in the directory
    other.write_bytes(data[:place] + b"\1" + data[place + 1 :])
    require_refused(service, other, "encrypted")


def test_what_is_no_archive(tmp_path: Path, archive: Path, service: ragkernel.SqlService) -> None:
    """A name that is not there, a folder, a pipe and another file are refused at once; a pipe is not opened."""
    (tmp_path / "text").write_text("no zip " * 100)
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, told in (
        ("none", "No such file or directory"),
        ("", "it is a folder"),
        ("pipe", "it is no file"),
        ("text", "it is no zip file"),
        ("empty", "it is no zip file"),
    ):
        require_refused(service, tmp_path / name if name else tmp_path, told)
    with pytest.raises(ArchiveRefused, match="name the file that `kb export` wrote"):
        ragkernel.import_kb(service, tmp_path)


def test_the_database_itself_is_not_opened(service: ragkernel.SqlService, archive: Path) -> None:
    """The database's file, and what stands beside it, is refused unopened: closing it would drop SQLite's locks."""
    path = service.config.app_db_path
    for live in (path, path.with_name(path.name + "-wal")):
        require_refused(service, live, "the database itself")


def test_names(archive: Path, service: ragkernel.SqlService) -> None:
    """A name that no line of text can hold, or that would mean a version, is refused; another one can be given."""
    for name in ("", " ", "a\nb", "x" * 201, "handbook@2", "@0", "a@1@2"):
        with pytest.raises(ConfigurationError, match="the name of a knowledge base"):
            ragkernel.import_kb(service, archive, name=name)
    for name in ("x" * 200, "me@home", "2@", "a@2b"):
        assert ragkernel.import_kb(service, archive, name=name).version == 1


def test_not_inside_a_write_scope(archive: Path, service: ragkernel.SqlService) -> None:
    """Inside a write transaction, which could undo what it reports, an import is refused."""
    with service.write(), pytest.raises(TransactionFailed, match="inside a write transaction"):
        ragkernel.import_kb(service, archive)


def test_one_build_of_a_base_at_a_time(archive: Path, service: ragkernel.SqlService) -> None:
    """While a process builds the base another import of it is refused with the run's process; other bases go on."""
    refused: list[BaseException] = []

    def meanwhile(step: str, done: int, total: int) -> None:
        if step != "store":
            return

        def another() -> None:
            try:
                ragkernel.import_kb(service, archive)
            except TransactionFailed as error:
                refused.append(error)
            ragkernel.import_kb(service, archive, name="other")

        thread = threading.Thread(target=another)
        thread.start()
        thread.join(60)

    ragkernel.import_kb(service, archive, progress=meanwhile)
    assert f"process {os.getpid()}" in str(refused[0])
    with service.read() as conn:
        assert sorted((one.name, one.version) for one in queries.knowledge_bases.list_all(conn)) == [
            ("notes", 1),
            ("notes", 2),
            ("other", 1),
        ]


def test_an_import_that_was_given_up_stores_no_more(
    archive: Path, service: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process took a silent run for dead and gave it up, it stores nothing from then on, and ends."""
    monkeypatch.setattr(storing, "_BATCH_ROWS", 1)

    def give_up(step: str, done: int, total: int) -> None:
        if step == "store":
            with service.write() as conn:
                (run,) = queries.pipeline_runs.list_all(conn)
                queries.pipeline_runs.update(conn, id=run.id, status="failed")

    with pytest.raises(TransactionFailed, match="took over"):
        ragkernel.import_kb(service, archive, progress=give_up)
    _, left = service.knowledge_bases.versions("notes")
    assert (left.status, left.documents) == ("building", 1)
    with service.read() as conn:
        assert queries.document_chunks.count_by_kb_id(conn, kb_id=left.id) == 0


def test_a_file_that_changes_meanwhile(tmp_path: Path, service: ragkernel.SqlService) -> None:
    """A file that changes after it was verified is noticed while it is stored: the base stays as it was."""
    archive = tmp_path / "large.zip"
    texts = [sha(f"{part} of {number}") * 50 for number in range(40) for part in range(10)]
    make_base(service, [texts])
    ragkernel.export_kb(service, "notes", archive)
    whole = archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        place = opened.getinfo(CHUNKS).header_offset + 5000

    def change(step: str, done: int, total: int) -> None:
        if step == "check":
            archive.write_bytes(whole[:place] + bytes(len(whole) - place - 1000) + whole[-1000:])

    with pytest.raises(ArchiveRefused, match="damaged"):
        ragkernel.import_kb(service, archive, progress=change)
    states = [(one.version, one.status) for one in service.knowledge_bases.versions("notes")]
    assert states == [(1, "active"), (2, "error")]
    with service.read() as conn:
        (run,) = queries.pipeline_runs.list_all(conn)
    assert run.status == "failed"
    assert "the archive is refused" in (run.error_message or "")
