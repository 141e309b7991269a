-- name: fingerprints :iter
-- What a knowledge base holds, as ingest compares it with a folder: path, content hash and folder of each document.
-- @column root: str | None
SELECT id, source_path, content_hash, json_extract(metadata, '$.root') AS root
FROM documents
WHERE kb_id = :kb_id;

-- name: with_hash :many
-- The documents of a knowledge base whose file had this SHA-256.
SELECT *
FROM documents
WHERE content_hash = :content_hash AND kb_id = :kb_id
ORDER BY source_path;

-- name: largest :many
-- The documents of a knowledge base with the largest files.
SELECT *
FROM documents
WHERE kb_id = :kb_id
ORDER BY size_bytes DESC, source_path
LIMIT :limit;

-- name: at_path :one
-- The document of a knowledge base that came from this path.
SELECT *
FROM documents
WHERE kb_id = :kb_id AND source_path = :source_path;

-- name: refresh_counts :execrows
-- Set chunk_count from a document's chunks, and size_bytes to the size of its file; 1, or 0 for a missing document.
UPDATE documents
SET
    chunk_count = (SELECT count(*) FROM document_chunks AS chunk WHERE chunk.document_id = :id),
    size_bytes = :size_bytes,
    updated_at = :updated_at
WHERE id = :id;
