"""Archives that are small and would take much: memory, disk, time. Each is refused before it does."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.archive import reading, storing
from ragkernel.archive.form import CHUNKS
from ragkernel.errors import ArchiveRefused, DiskFull
from tests.core.support import finish, start_python

from .bases import lines_of, require_refused, rewritten, sha


def test_a_bomb_is_refused_early(archive: Path, service: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without end, and a member that is larger than declared, are refused as soon as their limit is passed."""
    monkeypatch.setattr(reading, "LINE_BYTES", 1 << 20)
    bomb = archive.with_name("bomb.zip")
    data = b" " * (64 << 20)
    require_refused(
        service, rewritten(archive, bomb, {CHUNKS: data}), "line 1 of chunks.jsonl: it is longer than 1 MiB"
    )
    read = 0
    blocks = reading.Archive._blocks

    def counted(self: reading.Archive, name: str) -> Any:
        nonlocal read
        for block in blocks(self, name):
            read += len(block) if name == CHUNKS else 0
            yield block

    monkeypatch.setattr(reading.Archive, "_blocks", counted)
    rewritten(archive, bomb, {CHUNKS: data}, seal=False)
    require_refused(service, bomb, "another size than the manifest says")
    assert read < 1 << 20


def test_what_the_disk_has_no_room_for(
    archive: Path, service: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive whose texts, as it truly says, are more than the disk or the caller has room for is refused early."""
    size = 64 << 20
    text = "x" * size
    row = dict(lines_of(archive, CHUNKS)[2], content=text, content_hash=sha(text))
    rows = [*lines_of(archive, CHUNKS)[:2], row]
    data = b"".join(json.dumps(one).encode() + b"\n" for one in rows)
    bomb = rewritten(archive, archive.with_name("bomb.zip"), {CHUNKS: data})
    assert bomb.stat().st_size < size // 500
    monkeypatch.setattr(reading.Archive, "verify", None)  # not reached
    with pytest.raises(ArchiveRefused, match=f"and {size} are allowed"):
        ragkernel.import_kb(service, bomb, max_bytes=size)
    monkeypatch.setattr(storing, "_BYTES_OF_BYTE", 10**12)  # as if the disk had as much less room
    with pytest.raises(DiskFull, match="are free") as full:
        ragkernel.import_kb(service, bomb)
    assert full.value.path == str(service.config.app_db_path)
    with service.read() as conn:
        assert queries.pipeline_runs.count(conn) == 0


FLAT = 4 << 20
PARSED = """
    import re, sys
    sys.path.insert(0, sys.argv[1])
    from ragkernel.archive import form
    def most_kib():
        with open("/proc/self/status") as status:
            return int(re.search(r"VmHWM:\\s+(\\d+)", status.read())[1])
    size = int(sys.argv[2])
    line = {
        "nested": b'{"document":[' + b'{"":0},' * (size // 7) + b"0]}",
        "many keys": b"{" + b'"":0,' * (size // 5) + b'"":0}',
        "metadata": b'{"document":1,"source_path":"","title":"","content_hash":"","license_info":null,"metadata":"['
        + b"{}," * (size // 3) + b'0]","chunk_count":0,"size_bytes":0,"created_at":"2024-01-01 00:00:00",'
        + b'"updated_at":"2024-01-01 00:00:00"}',
    }[sys.argv[3]]
    before = most_kib()
    try:
        form.document_of(line)
    except form.WrongForm as wrong:
        print(most_kib() - before, wrong)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
@pytest.mark.parametrize(
    ("kind", "told"), [("nested", "flat"), ("many keys", "flat"), ("metadata", "metadata is longer than 1 MiB")]
)
def test_what_is_parsed_is_limited_first(kind: str, told: str) -> None:
    """A line that would take many times its length once it is parsed is refused before that."""
    home = str(Path(ragkernel.__file__).parents[1])
    more, wrong = finish(start_python(PARSED, home, str(FLAT), kind)).split(maxsplit=1)
    assert told in wrong
    assert int(more) * 1024 < 6 * FLAT


def test_a_directory_that_claims_much_is_not_read(
    archive: Path, service: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the zip says of its own directory is limited before it is read, in the form for large files too."""
    data = archive.read_bytes()
    end = data.rindex(b"PK\5\6")
    bomb = archive.with_name("bomb.zip")
    bomb.write_bytes(data[: end + 8] + struct.pack("<HH", 9, 9) + data[end + 12 :])
    require_refused(service, bomb, "its members are not")
    padding = b"\0" * (8 << 20)
    offset = end + len(padding)
    large = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 3, 3, offset, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, offset, 1)
    bomb.write_bytes(data[:end] + padding + large + locator + data[end:])
    read, seen = reading._Limited.read, list[tuple[int, int]]()

    def recorded(self: Any, size: int = -1) -> bytes:
        got = read(self, size)
        seen.append((size, len(got)))
        return got

    monkeypatch.setattr(reading._Limited, "read", recorded)
    require_refused(service, bomb, "the zip is damaged")
    assert max(seen)[0] > len(padding)
    assert max(got for _, got in seen) <= 1 << 20
