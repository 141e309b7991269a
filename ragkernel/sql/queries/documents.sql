-- name: fingerprints :iter
-- What a knowledge base holds, as ingest compares it with a folder: path and content hash of each document.
SELECT id, source_path, content_hash
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
