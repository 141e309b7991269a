-- name: stores_utf8 :one
-- Whether the file's text is UTF-8: the bytes of an archive go into it, and come out of it, as they are.
-- @column stores_utf8: bool
SELECT CAST(x'61' AS TEXT) = 'a' AS stores_utf8;

-- name: document_order :iter
-- The documents of a version in the order of an archive: by path, as the bytes of UTF-8 sort.
-- lint: accept temporary-b-tree: once an export, over ids and paths alone; an index of paths would cost every ingest
SELECT id, source_path
FROM documents
WHERE kb_id = :kb_id
ORDER BY source_path;

-- name: document :one
-- A document with its metadata as the stored JSON text. chunk_count is counted.
-- @column metadata: str | None
SELECT
    document.title,
    document.source_path,
    document.content_hash,
    document.license_info,
    document.metadata,
    (SELECT count(*) FROM document_chunks AS chunk WHERE chunk.document_id = document.id) AS chunk_count,
    document.size_bytes,
    document.created_at,
    document.updated_at
FROM documents AS document
WHERE document.id = :id;

-- name: chunks :many
-- The chunks of a document from chunk_index `first` on, in order, at most `limit`; metadata as the stored JSON text.
-- @column metadata: str | None
SELECT chunk_index, content, content_hash, token_count, metadata, created_at
FROM document_chunks
WHERE document_id = :document_id AND chunk_index >= :first
ORDER BY chunk_index
LIMIT :limit;

-- name: store_document :exec
-- Store a document out of an archive. Texts are given as their UTF-8 bytes, so that a NUL in them is kept.
-- @param title: bytes
-- @param source_path: bytes
-- @param content_hash: bytes
-- @param license_info: bytes | None
-- @param metadata: str | None
INSERT INTO documents (
    id, kb_id, title, source_path, content_hash, license_info, metadata, chunk_count, size_bytes, created_at, updated_at
)
VALUES (
    :id, :kb_id, CAST(:title AS TEXT), CAST(:source_path AS TEXT), CAST(:content_hash AS TEXT),
    CAST(:license_info AS TEXT), :metadata, :chunk_count, :size_bytes, :created_at, :updated_at
);

-- name: store_chunk :exec
-- Store a chunk out of an archive; its text as UTF-8 bytes.
-- @param content: bytes
-- @param metadata: str | None
INSERT INTO document_chunks (
    id, document_id, kb_id, chunk_index, content, content_hash, token_count, metadata, created_at
)
VALUES (
    :id, :document_id, :kb_id, :chunk_index, CAST(:content AS TEXT), :content_hash, :token_count, :metadata, :created_at
);
