-- name: fingerprints :iter
-- What a knowledge base holds, as ingest compares it with a folder: path, content hash and folder of each document.
-- @column root: str | None
-- @column rule: str | None
SELECT
    id,
    source_path,
    content_hash,
    size_bytes,
    chunk_count,
    CASE json_type(metadata, '$.root') WHEN 'text' THEN json_extract(metadata, '$.root') END AS root,
    CASE json_type(metadata, '$.chunker') WHEN 'text' THEN json_extract(metadata, '$.chunker') END AS rule
FROM documents
WHERE kb_id = :kb_id;

-- name: with_hash :many
-- The documents of a knowledge base whose file had this SHA-256.
-- lint: accept temporary-b-tree: the documents of a base with one content are few
SELECT *
FROM documents
WHERE content_hash = :content_hash AND kb_id = :kb_id
ORDER BY source_path;

-- name: largest :many
-- The documents of a knowledge base with the largest files.
-- lint: accept temporary-b-tree: for a person who asks; an index of sizes would cost every ingest
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

-- name: copy_to_version :execrows
-- Take a document over into another version of its knowledge base, under a new id; 1, or 0 for a missing document.
INSERT INTO documents (
    id, kb_id, title, source_path, content_hash, license_info, metadata, chunk_count, size_bytes, created_at, updated_at
)
SELECT
    :new_id, :kb_id, title, source_path, content_hash, license_info, metadata, chunk_count, size_bytes, created_at,
    updated_at
FROM documents
WHERE id = :id;

-- name: delete_some :execrows
-- Remove at most `limit` documents of a version; how many they were.
DELETE FROM documents
WHERE rowid IN (SELECT rowid FROM documents WHERE kb_id = :kb_id LIMIT :limit);

-- name: holdings :one
-- What a version of a knowledge base holds: its documents, their chunks, the bytes of their files.
SELECT
    count(*) AS documents,
    coalesce(sum(chunk_count), 0) AS chunks,
    coalesce(sum(size_bytes), 0) AS size_bytes
FROM documents
WHERE kb_id = :kb_id;
