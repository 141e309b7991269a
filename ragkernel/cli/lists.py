"""`ragkernel list`: rows of one kind, a page at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ragkernel import queries
from ragkernel.errors import QueryFailed

from .output import Outcome, row_json, size, table
from .parser import UsageError
from .stores import configuration, existing, find_base

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ragkernel import Reader

# The rows of a page and the place behind its last one, None where nothing follows.
Found = tuple[list[Any], "Sequence[Any] | None"]


def list_rows(args: argparse.Namespace) -> Outcome:
    """A page of rows, and how to ask for the next one."""
    find, headings = _KINDS[args.kind]
    after = _place(args.after)
    with existing(configuration(args)) as service, service.read() as conn:
        try:
            rows, following = find(conn, args, after)
        except QueryFailed as error:
            if error.operation != "page":
                raise
            raise _wrong_place() from None  # `after` is the place of another list
    data = {"items": [row_json(row) for row in rows], "next": None if following is None else list(following)}
    if not rows:
        return Outcome(data, "", notes=("nothing found",))
    place = json.dumps(data["next"], separators=(",", ":"))
    notes = () if following is None else (f"more: the same command with --after '{place}'",)
    cells = [[row_value(row, name) for name in headings] for row in rows]
    return Outcome(data, table([name.replace("_", " ") for name in headings], cells), notes=notes)


def row_value(row: Any, name: str) -> Any:
    """A cell of a list."""
    value = getattr(row, name)
    return size(value) if name == "size_bytes" else value


def _place(after: str | None) -> list[Any] | None:
    """The value of --after. Raises UsageError for what no page printed."""
    if after is None:
        return None
    try:
        place = json.loads(after)
    except (ValueError, RecursionError):
        place = None
    if not isinstance(place, list) or not all(map(_is_part, place)):
        raise _wrong_place()
    return place


def _is_part(part: Any) -> bool:
    """Whether a place may hold this value: a key that SQLite can hold."""
    if isinstance(part, str):
        return not any("\ud800" <= character <= "\udfff" for character in part)
    return type(part) is int and -(2**63) <= part < 2**63


def _wrong_place() -> UsageError:
    return UsageError("--after is not a place that this list printed", "leave it out to begin at the first row")


def _bases(conn: Reader, args: argparse.Namespace, after: list[Any] | None) -> Found:
    if args.status is None:
        page = queries.knowledge_bases.page(conn, limit=args.limit, after=after)
    else:
        page = queries.knowledge_bases.page_by_status(conn, status=args.status, limit=args.limit, after=after)
    return page.items, page.next


def _documents(conn: Reader, args: argparse.Namespace, after: list[Any] | None) -> Found:
    if args.kb is None:
        page = queries.documents.page(conn, limit=args.limit, after=after)
    else:
        base = find_base(conn, args.kb)
        page = queries.documents.page_by_kb_id(conn, kb_id=base.id, limit=args.limit, after=after)
    return page.items, page.next


def _chunks(conn: Reader, args: argparse.Namespace, after: list[Any] | None) -> Found:
    if args.document is not None:
        if args.kb is not None:
            raise UsageError("--document and --kb together", "a document belongs to one knowledge base; leave --kb out")
        if queries.documents.get(conn, id=args.document) is None:
            raise UsageError(f"there is no document {args.document!r}", "`ragkernel list documents` prints their ids")
        page = queries.document_chunks.page_by_document_id(
            conn, document_id=args.document, limit=args.limit, after=after
        )
    elif args.kb is not None:
        base = find_base(conn, args.kb)
        page = queries.document_chunks.page_by_kb_id(conn, kb_id=base.id, limit=args.limit, after=after)
    else:
        page = queries.document_chunks.page(conn, limit=args.limit, after=after)
    return page.items, page.next


def _runs(conn: Reader, args: argparse.Namespace, after: list[Any] | None) -> Found:
    name = None if args.kb is None else find_base(conn, args.kb).name
    if after is not None and not (len(after) == 1 and isinstance(after[0], str)):
        raise _wrong_place()
    before = None if after is None else after[0]
    rows = queries.pipeline_runs.newest_first(
        conn, kb_name=name, status=args.status, before=before, limit=args.limit + 1
    )
    return rows[: args.limit], (rows[args.limit - 1].id,) if len(rows) > args.limit else None


_KINDS: dict[str, Any] = {
    "kbs": (_bases, ("id", "name", "version", "status", "embedder_model", "chunk_size", "chunk_overlap", "updated_at")),
    "documents": (_documents, ("id", "source_path", "title", "chunk_count", "size_bytes", "updated_at")),
    "chunks": (_chunks, ("id", "document_id", "chunk_index", "token_count", "content")),
    "runs": (_runs, ("id", "pipeline_name", "status", "started_at", "completed_at", "error_message")),
}
