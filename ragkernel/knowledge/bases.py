"""`service.knowledge_bases`: the versions of a knowledge base, and what a person decides about them.

A version is complete when it was activated once; it is then `active` or `inactive`, and never changes again. Readers
use the active one. A pinned version is kept; a pruned one is a row without documents, which tells what there was.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.clock import parse_timestamp, sql_timestamp, utc_now
from ragkernel.errors import ConfigurationError, NotFound, VersionRefused
from ragkernel.generated import queries

from .build import build_of
from .effects import DOCUMENTS, KNOWLEDGE_BASE, PRUNED_AT, pruned_at
from .running import give_up, require_none_alive

if TYPE_CHECKING:
    from datetime import datetime

    from ragkernel.connections import Reader
    from ragkernel.generated.models import KnowledgeBase

    from .facts import Facts

KEPT = 2  # complete versions that are kept unless told otherwise

# Rows that one transaction of the sweep removes: short enough for other writers.
_SWEEP_CHUNKS = 2000
_SWEEP_DOCUMENTS = 500
# Between two of them: other processes look for the lock every few milliseconds, and find it free.
_PAUSE_S = 0.005


class Version(NamedTuple):
    """A version of a knowledge base. status: active, inactive, building or error. pinned: whether pruning leaves it.
    pruned_at: when its documents were removed, None where they were not. documents, chunks, size_bytes: what it holds
    now; size_bytes are those of the files."""

    id: str
    name: str
    version: int
    status: str
    pinned: bool
    pruned_at: datetime | None
    documents: int
    chunks: int
    size_bytes: int
    embedder_model: str
    chunk_size: int
    chunk_overlap: int
    created_at: datetime
    updated_at: datetime


class Removed(NamedTuple):
    """What `remove` removed: how many versions, and their documents and chunks."""

    name: str
    versions: int
    documents: int
    chunks: int


class KnowledgeBases:
    """The knowledge bases of a service. Safe from every thread; every method blocks for the database."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def versions(self, name: str) -> list[Version]:
        """Every version of a base, the oldest first. Raises NotFound for a name that no base has."""
        with self.facts.app.read() as conn:
            rows = _rows(conn, name)
            return [_version(conn, row) for row in rows]

    def version(self, name: str, version: int | None = None) -> Version:
        """One version of a base, the active one where None. Raises NotFound."""
        with self.facts.app.read() as conn:
            return _version(conn, _row(conn, name, version))

    def activate(self, name: str, version: int) -> Version:
        """Make a complete version the active one; the one that was is inactive then. One transaction.

        Returns the version. Raises NotFound, and VersionRefused for a version that is not complete or was pruned. The
        next ingest compares with the version that is active then.
        """
        with self.facts.write() as fact:
            base = _usable(_row(fact.conn, name, version), "activate")
            # An application that made its versions by itself may have left several of them active.
            active = [row.id for row in _rows(fact.conn, name) if row.status == "active"]
            if active != [base.id]:
                held = queries.documents.holdings(fact.conn, kb_id=base.id)
                data = {"name": name, "version": version, DOCUMENTS: held.documents}
                fact.record(KNOWLEDGE_BASE, base.id, "KnowledgeBaseActivated", data)
            return _version(fact.conn, _row(fact.conn, name, version))

    def pin(self, name: str, version: int) -> Version:
        """Keep a complete version whatever is pruned. Returns it. Raises NotFound, VersionRefused."""
        with self.facts.write() as fact:
            base = _usable(_row(fact.conn, name, version), "pin")
            if base.pinned_version is None:
                fact.record(KNOWLEDGE_BASE, base.id, "KnowledgeBasePinned", {"name": name, "version": version})
            return _version(fact.conn, _row(fact.conn, name, version))

    def unpin(self, name: str, version: int) -> Version:
        """Let a version go that was pinned; the next ingest may prune it. Returns it. Raises NotFound."""
        with self.facts.write() as fact:
            base = _row(fact.conn, name, version)
            if base.pinned_version is not None:
                fact.record(KNOWLEDGE_BASE, base.id, "KnowledgeBaseUnpinned", {"name": name, "version": version})
            return _version(fact.conn, _row(fact.conn, name, version))

    def remove(self, name: str) -> Removed:
        """Remove a base: all its versions with their documents and chunks, in one transaction.

        Its runs stay, with the base's name and version in their metrics; so do its events. Raises NotFound, and
        TransactionFailed where a living process is building it.
        """
        with self.facts.write() as fact:
            rows = _rows(fact.conn, name)
            require_none_alive(fact.conn, name, "remove knowledge base")
            give_up(fact, name, "the base was removed")
            held = [queries.documents.holdings(fact.conn, kb_id=row.id) for row in rows]
            for row in rows:
                data = {"name": name, "version": row.version}
                fact.record(KNOWLEDGE_BASE, row.id, "KnowledgeBaseRemoved", data)
        return Removed(name, len(rows), sum(one.documents for one in held), sum(one.chunks for one in held))

    def prune(self, name: str, keep: int = KEPT) -> list[int]:
        """Remove the documents of complete versions other than the newest `keep`, the active one, pinned ones, and one
        that a version which is being built takes documents from.

        First the versions are marked, in one transaction; then their documents are removed, some in each transaction,
        so that other writers get their turn; what a kill leaves, the next call removes. Returns the versions that were
        marked. Raises NotFound, ConfigurationError for a `keep` below 1.
        """
        check_keep(keep)
        self.facts.require_outside()
        with self.facts.app.read() as conn:
            old = _outdated(_rows(conn, name), keep)
        if old:
            with self.facts.write() as fact:
                old = _outdated(_rows(fact.conn, name), keep)
                for row in old:
                    data = {"name": name, "version": row.version, PRUNED_AT: sql_timestamp(utc_now())}
                    fact.record(KNOWLEDGE_BASE, row.id, "KnowledgeBasePruned", data)
        self._sweep(name)
        return [row.version for row in old]

    def _sweep(self, name: str) -> None:
        """Remove what pruned versions still hold."""
        app = self.facts.app
        with app.read() as conn:
            pruned = [row for row in _rows(conn, name) if pruned_at(row) is not None]
            waiting = [row.id for row in pruned if queries.documents.page_by_kb_id(conn, kb_id=row.id, limit=1).items]
        for kb_id in waiting:
            removed = 1
            while removed:
                time.sleep(_PAUSE_S)
                with app.write() as conn:
                    removed = queries.document_chunks.delete_some(conn, kb_id=kb_id, limit=_SWEEP_CHUNKS)
            removed = 1
            while removed:
                time.sleep(_PAUSE_S)
                with app.write() as conn:
                    removed = queries.documents.delete_some(conn, kb_id=kb_id, limit=_SWEEP_DOCUMENTS)


def check_keep(keep: int) -> None:
    """Refuse a number of versions that cannot be kept. Raises ConfigurationError."""
    if type(keep) is not int or keep < 1:
        raise ConfigurationError(
            f"keep is {keep!r}; it must be a whole number of versions, 1 or more",
            operation="prune knowledge base",
            hint=f"{KEPT} is usual",
        )


def _outdated(rows: list[KnowledgeBase], keep: int) -> list[KnowledgeBase]:
    complete = [row for row in rows if row.status in ("active", "inactive") and pruned_at(row) is None]
    builds = [build_of(row) for row in rows if row.status in ("building", "error") and pruned_at(row) is None]
    needed = {build.get("parent") for build in builds if build is not None}
    return [
        row
        for row in complete[:-keep]
        if row.status != "active" and row.pinned_version is None and row.version not in needed
    ]


def _rows(conn: Reader, name: str) -> list[KnowledgeBase]:
    rows = queries.knowledge_bases.list_by_name(conn, name=name)
    if not rows:
        raise NotFound(
            f"there is no knowledge base {name!r}",
            operation="find knowledge base",
            hint="`ragkernel kb list` names them",
        )
    return sorted(rows, key=lambda row: row.version)


def _row(conn: Reader, name: str, version: int | None) -> KnowledgeBase:
    for row in reversed(_rows(conn, name)):
        if row.version == version or (version is None and row.status == "active"):
            return row
    raise NotFound(
        f"knowledge base {name!r} has no active version"
        if version is None
        else f"knowledge base {name!r} has no version {version}",
        operation="find knowledge base",
        hint=f"`ragkernel kb versions {name}` lists them",
    )


def _usable(row: KnowledgeBase, operation: str) -> KnowledgeBase:
    """The row of a version that is complete and has its documents. Raises VersionRefused."""
    reason = "was pruned: its documents are removed" if pruned_at(row) else ""
    if row.status not in ("active", "inactive"):
        reason = f"is not complete (it is {row.status!r})"
    if reason:
        raise VersionRefused(
            f"version {row.version} of knowledge base {row.name!r} {reason}",
            operation=f"{operation} knowledge base",
            hint=f"`ragkernel kb versions {row.name}` shows which can be used",
        )
    return row


def _version(conn: Reader, row: KnowledgeBase) -> Version:
    held = queries.documents.holdings(conn, kb_id=row.id)
    pruned = pruned_at(row)
    return Version(
        row.id,
        row.name,
        row.version,
        row.status,
        row.pinned_version is not None,
        None if pruned is None else parse_timestamp(pruned),
        held.documents,
        held.chunks,
        held.size_bytes,
        row.embedder_model,
        row.chunk_size,
        row.chunk_overlap,
        row.created_at,
        row.updated_at,
    )
