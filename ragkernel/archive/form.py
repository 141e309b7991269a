"""What stands in an archive: the manifest, a line of documents.jsonl, a line of chunks.jsonl.

The same rules hold for writing and for reading, so that what is exported can be imported: `require_…` refuse a row of
the database or a line of a file alike, by a WrongForm that the caller completes with the place. A line is looked over
before it is parsed, and metadata is small, because what is parsed may take fifty times the memory of its text.

A document in an archive is of no folder: `root`, by which ingest knows the folder of a document, is left out of its
metadata, in writing and in reading, so an archive names no path of the machine that wrote it.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from ragkernel.chunking import check_sizes
from ragkernel.clock import parse_timestamp, sql_timestamp
from ragkernel.errors import ConfigurationError
from ragkernel.knowledge.effects import PRUNED_AT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

BUILD = "build"  # as ragkernel.knowledge.build.build_of reads it
FORMAT = "ragkernel knowledge base"
NUMBER = 1

MANIFEST, DOCUMENTS, CHUNKS = "manifest.json", "documents.jsonl", "chunks.jsonl"

LINE_BYTES = 32 * 1024 * 1024  # the longest line, without its newline: a reader holds one, some times over
MANIFEST_BYTES = METADATA_BYTES = 1024 * 1024
JSON_DEPTH = 200  # as the generated code allows in a JSON column

# What the kernel notes in the metadata of a version: true of that version alone.
INTERNAL = frozenset((BUILD, PRUNED_AT))

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1

_ROOT = "root"


class WrongForm(ValueError):
    """Something is not of the form that it must have; the text says what, without any value."""


class DocumentLine(NamedTuple):
    """A document. document: its number in the archive. chunk_count: its lines in chunks.jsonl. metadata: JSON text."""

    document: int
    source_path: str
    title: str
    content_hash: str
    license_info: str | None
    metadata: str | None
    chunk_count: int
    size_bytes: int
    created_at: datetime
    updated_at: datetime


class ChunkLine(NamedTuple):
    """A chunk. document: the number of its document. metadata: JSON text."""

    document: int
    chunk_index: int
    content: str
    content_hash: str
    token_count: int | None
    metadata: str | None
    created_at: datetime


class Base(NamedTuple):
    """What the manifest says of the version: as its row, without its identity and what the kernel notes in it."""

    name: str
    version: int
    embedder_model: str
    chunk_size: int
    chunk_overlap: int
    description: str | None
    metadata: dict[str, Any]


class Member(NamedTuple):
    """A member of the archive as the manifest names it: its size, and its SHA-256 in hexadecimal."""

    size_bytes: int
    sha256: str


class Manifest(NamedTuple):
    """What an archive says of itself."""

    base: Base
    documents: int
    chunks: int
    members: dict[str, Member]


# A line: one object without others in it, and no more texts than the keys and values of the larger kind of row.
_TEXTS = 2 * len(DocumentLine._fields)
_FLAT = re.compile(
    rb'[ \t\r]{0,1000}+\{(?:[^"{}\[\]]{0,1000}+"[^"\\]*+(?:\\.[^"\\]*+)*+"){0,%d}+[^"{}\[\]]{0,1000}+\}[ \t\r]{0,1000}+'
    % _TEXTS
)
_JSON_SPACE = re.compile(r"[ \t\n\r]*+")

# What a value of each field must be, by the name of the field; the same name means the same in both kinds of lines.
_TEXT = frozenset(("source_path", "title", "content_hash", "content"))
_OPTIONAL_TEXT = frozenset(("license_info", "metadata"))
_INTEGER = frozenset(("document", "chunk_count", "size_bytes", "chunk_index"))
_MOMENT = frozenset(("created_at", "updated_at"))


def line_of(row: DocumentLine | ChunkLine) -> bytes:
    """The line of a row, with its newline; a document without its folder. Raises WrongForm for a row that no archive
    may hold."""
    require_sound(row)
    values = row._asdict()
    if isinstance(row, DocumentLine):
        values["metadata"] = _without_root(row.metadata)
    for name in _MOMENT & values.keys():
        values[name] = sql_timestamp(values[name])
    line = _compact(values)
    if len(line) > LINE_BYTES:
        raise WrongForm(f"it is longer than {LINE_BYTES >> 20} MiB")
    return line + b"\n"


def document_of(line: bytes) -> DocumentLine:
    """The document of a line, without its folder. Raises WrongForm."""
    row = DocumentLine(**_values(line, DocumentLine._fields))
    require_sound(row)
    return row._replace(metadata=_without_root(row.metadata))


def chunk_of(line: bytes) -> ChunkLine:
    """The chunk of a line. Raises WrongForm."""
    row = ChunkLine(**_values(line, ChunkLine._fields))
    require_sound(row)
    return row


def require_sound(row: DocumentLine | ChunkLine) -> None:
    """Refuse metadata that is no JSON or too long, a path with a NUL, a count below 0, a chunk that is not what its
    hash says. Raises WrongForm."""
    if row.metadata is not None:
        _require_json(row.metadata)
    if isinstance(row, DocumentLine):
        if row.chunk_count < 0:
            raise WrongForm("chunk_count is below 0")
        if "\0" in row.source_path:
            raise WrongForm("source_path holds a NUL character")
    elif hashlib.sha256(row.content.encode()).hexdigest() != row.content_hash:
        raise WrongForm("content_hash is not the SHA-256 of content")


def manifest_text(manifest: Manifest, ragkernel: str, exported_at: datetime) -> bytes:
    """The text of manifest.json. ragkernel: the code's version. Raises WrongForm for what no archive may hold."""
    told = {
        "format": FORMAT,
        "format_number": NUMBER,
        "ragkernel": ragkernel,
        "exported_at": sql_timestamp(exported_at),
        "knowledge_base": manifest.base._asdict(),
        "counts": {"documents": manifest.documents, "chunks": manifest.chunks},
        "members": {name: member._asdict() for name, member in manifest.members.items()},
    }
    try:
        text = json.dumps(told, ensure_ascii=False, allow_nan=False, indent=2).encode() + b"\n"
    except (ValueError, RecursionError):  # what another program wrote: 1e400, or nested without end
        raise WrongForm("the metadata of the base cannot be written as JSON") from None
    if len(text) > MANIFEST_BYTES:
        raise WrongForm(f"the metadata of the base is longer than {MANIFEST_BYTES >> 20} MiB")
    manifest_of(text)
    return text


def manifest_of(text: bytes) -> Manifest:
    """The manifest of a text. Raises WrongForm, with the format's number where it is a newer one."""
    told = _object(_parsed(text), "it")
    if told.get("format") != FORMAT:
        raise WrongForm(f"its format is not {FORMAT!r}")
    number = _integer(told.get("format_number"), "format_number", 1)
    if number > NUMBER:
        raise WrongForm(f"its form is {number}; this version of ragkernel reads up to {NUMBER}")
    keys = ("format", "format_number", "ragkernel", "exported_at", "knowledge_base", "counts", "members")
    _require_keys(told, keys, "it")
    _text(told["ragkernel"], "ragkernel")
    _moment(told["exported_at"], "exported_at")
    counts = _object(told["counts"], "counts")
    _require_keys(counts, ("documents", "chunks"), "counts")
    members = _object(told["members"], "members")
    _require_keys(members, (DOCUMENTS, CHUNKS), "members")
    return Manifest(
        _base(_object(told["knowledge_base"], "knowledge_base")),
        _integer(counts["documents"], "documents", 0),
        _integer(counts["chunks"], "chunks", 0),
        {name: _member(_object(member, name)) for name, member in members.items()},
    )


def _base(told: dict[str, Any]) -> Base:
    _require_keys(told, Base._fields, "knowledge_base")
    for name in ("name", "embedder_model", "description"):
        if name == "description" and told[name] is None:
            continue
        if "\0" in _text(told[name], name):  # the generated code, which makes the row of the version, refuses it
            raise WrongForm(f"{name} holds a NUL character")
    _integer(told["version"], "version", INTEGER_MIN)
    try:
        check_sizes(told["chunk_size"], told["chunk_overlap"])
    except ConfigurationError:  # its text may quote a value
        raise WrongForm("chunk_size and chunk_overlap are no sizes that chunks can have") from None
    metadata = _object(told["metadata"], "metadata")
    if not INTERNAL.isdisjoint(metadata):
        raise WrongForm(
            f"metadata of knowledge_base has a key that is the kernel's own ({', '.join(sorted(INTERNAL))})"
        )
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):
        raise WrongForm("metadata of knowledge_base holds what no JSON text can") from None
    _require_depth(metadata, text)
    return Base(**told)


def _member(told: dict[str, Any]) -> Member:
    _require_keys(told, Member._fields, "a member")
    digest = _text(told["sha256"], "sha256")
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise WrongForm("sha256 is not 64 hexadecimal digits")
    return Member(_integer(told["size_bytes"], "size_bytes", 0), digest)


def _values(line: bytes, fields: tuple[str, ...]) -> dict[str, Any]:
    """The values of a line by field, each of its type. Raises WrongForm."""
    if not _FLAT.fullmatch(line):
        raise WrongForm("it is no flat JSON object")
    values = _object(_parsed(line), "it")
    _require_keys(values, fields, "it")
    for name, value in values.items():
        if name in _TEXT:
            _text(value, name)
        elif name in _INTEGER:
            _integer(value, name, INTEGER_MIN)
        elif name in _MOMENT:
            values[name] = _moment(value, name)
        elif value is not None:
            if name in _OPTIONAL_TEXT:
                _text(value, name)
            else:
                _integer(value, name, INTEGER_MIN)
    return values


def _compact(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text.decode(), object_pairs_hook=_distinct, parse_constant=_refused_constant)
    except (ValueError, RecursionError):  # WrongForm, too
        raise WrongForm("it is no JSON text") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: programs differ in what they make of another."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise WrongForm("a key stands twice")
    return values


def _refused_constant(name: str) -> NoReturn:
    raise WrongForm(f"{name} is no JSON")


def _require_json(text: str) -> None:
    """Refuse a stored JSON text that the generated code could not read, or that is too long."""
    if len(text.encode()) > METADATA_BYTES:
        raise WrongForm(f"metadata is longer than {METADATA_BYTES >> 20} MiB")
    try:
        value = json.loads(text, parse_constant=_refused_constant)
    except (ValueError, RecursionError):
        raise WrongForm("metadata is no JSON text") from None
    _require_depth(value, text)


def _without_root(metadata: str | None) -> str | None:
    """The metadata of a document, which are sound, without the folder. What is left is the text of each member as it
    stands, because numbers keep their digits; all of the text where it names no folder."""
    if metadata is None or not isinstance(told := json.loads(metadata), dict) or _ROOT not in told:
        return metadata
    read = json.JSONDecoder().raw_decode
    members: list[str] = []
    at = metadata.index("{") + 1
    while True:
        begin = _after_space(metadata, at)
        key, end = read(metadata, begin)
        colon = _after_space(metadata, end)
        _, end = read(metadata, _after_space(metadata, colon + 1))
        if key != _ROOT:
            members.append(metadata[begin:end])
        at = _after_space(metadata, end) + 1
        if metadata[at - 1] == "}":
            return "{" + ", ".join(members) + "}"


def _after_space(text: str, at: int) -> int:
    match = _JSON_SPACE.match(text, at)
    assert match is not None, "it matches nothing, too"
    return match.end()


def _require_depth(value: Any, text: str) -> None:
    if text.count("[") + text.count("{") <= JSON_DEPTH:
        return
    level = [value]
    for _ in range(JSON_DEPTH + 1):
        inner = [one for one in level if isinstance(one, dict | list)]
        if not inner:
            return
        level = [deeper for one in inner for deeper in (one.values() if isinstance(one, dict) else one)]
    raise WrongForm(f"metadata is nested deeper than {JSON_DEPTH} levels")


def _require_keys(values: dict[str, Any], names: tuple[str, ...], what: str) -> None:
    if values.keys() != set(names):
        raise WrongForm(f"{what} has other keys than {', '.join(names)}")


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongForm(f"{what} is no JSON object")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise WrongForm(f"{name} is no text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise WrongForm(f"{name} holds a lone surrogate") from None
    return value


def _integer(value: Any, name: str, least: int) -> int:
    if type(value) is not int or not least <= value <= INTEGER_MAX:
        raise WrongForm(f"{name} is no integer from {least} on in 64 bits")
    return value


def _moment(value: Any, name: str) -> datetime:
    try:
        return parse_timestamp(_text(value, name))
    except ValueError:
        raise WrongForm(f"{name} is not of the form YYYY-MM-DD HH:MM:SS[.ffffff]") from None
