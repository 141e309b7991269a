"""Knowledge bases for the tests of archives, and what is compared of them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import models, queries
from ragkernel.archive.form import CHUNKS, DOCUMENTS, MANIFEST
from ragkernel.errors import ArchiveRefused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOMENT = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)


def sha(text: str) -> str:
    """The SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def make_base(
    service: ragkernel.SqlService,
    texts: Iterable[Iterable[str]],
    *,
    name: str = "notes",
    version: int = 1,
    metadata: Any = None,
) -> str:
    """The id of a base that an application makes by itself, active at once.

    texts: a document for each, of one chunk a text.
    """
    kb_id = ragkernel.new_id()
    with service.write() as conn:
        queries.knowledge_bases.insert(
            conn, id=kb_id, name=name, version=version, status="active", embedder_model="none", metadata=metadata
        )
        for number, chunks in enumerate(texts):
            document_id = ragkernel.new_id()
            queries.documents.insert(
                conn,
                id=document_id,
                kb_id=kb_id,
                title=f"Title {number}",
                source_path=f"{number:06}.md",
                content_hash=sha(str(number)),
                size_bytes=number,
                created_at=MOMENT + timedelta(days=number),
                updated_at=MOMENT + timedelta(days=number, microseconds=-123456),
            )
            rows = (
                models.NewDocumentChunk(
                    id=ragkernel.new_id(),
                    document_id=document_id,
                    kb_id=kb_id,
                    chunk_index=index,
                    content=text,
                    content_hash=sha(text),
                    token_count=len(text.split()),
                )
                for index, text in enumerate(chunks)
            )
            queries.document_chunks.insert_many(conn, rows)
    return kb_id


def opened(folder: Path) -> ragkernel.SqlService:
    """A service over a new database in a new folder, to be closed."""
    folder.mkdir(exist_ok=True)
    config = ragkernel.SqlConfig.test(folder)
    return ragkernel.open(config.app_db_path, config)


def members(path: Path) -> dict[str, bytes]:
    """The members of an archive, the manifest without the moment of the export."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(found[MANIFEST])
    del manifest["exported_at"]
    return {**found, MANIFEST: json.dumps(manifest).encode()}


def rewritten(path: Path, to: Path, changes: dict[str, Any], *, seal: bool = True) -> Path:
    """A copy of an archive with other members: bytes, None to leave one out, or for the manifest a dict of changes.

    seal: the manifest tells sizes and SHA-256 of what is in it, as somebody would who does not want to be noticed.
    """
    with zipfile.ZipFile(path) as archive:
        found: dict[str, Any] = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(found[MANIFEST])
    given = changes.pop(MANIFEST, {})
    found.update(changes)
    found = {name: data for name, data in found.items() if data is not None}
    if seal:
        for name in {DOCUMENTS, CHUNKS} & found.keys():
            data = found[name]
            manifest["members"][name] = {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    if isinstance(given, dict):
        manifest.update(given)
        given = json.dumps(manifest).encode()
    if given is not None:
        found[MANIFEST] = given
    else:
        del found[MANIFEST]
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in found.items():
            archive.writestr(name, data)
    return to


def require_sound(path: Path) -> None:
    """The database is whole and no row stands alone; asked of another process, so that no open service is disturbed."""
    script = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1])\n"
        "print(db.execute('PRAGMA integrity_check').fetchall(), db.execute('PRAGMA foreign_key_check').fetchall())\n"
        "db.close()"
    )
    import sys

    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[('ok',)] []"


def require_refused(service: ragkernel.SqlService, path: Path, told: str) -> None:
    """The file is refused with this reason, and the database has neither a run nor a version of it."""
    with pytest.raises(ArchiveRefused, match=told) as refused:
        ragkernel.import_kb(service, path)
    assert refused.value.path == str(path)
    assert refused.value.hint
    assert "\n" not in str(refused.value)
    with service.read() as conn:
        assert queries.pipeline_runs.count(conn) == 0
        assert queries.knowledge_bases.count(conn) == 1


def lines_of(archive: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a member."""
    with zipfile.ZipFile(archive) as opened:
        return [json.loads(line) for line in opened.read(name).splitlines()]
