-- name: neighbours :many
-- A chunk and those around it in its document, at most `radius` places before and behind, in order.
SELECT around.*
FROM document_chunks AS centre
INNER JOIN document_chunks AS around ON around.document_id = centre.document_id
WHERE centre.id = :id AND around.chunk_index BETWEEN centre.chunk_index - :radius AND centre.chunk_index + :radius
ORDER BY around.chunk_index;

-- name: of_active_version :many
-- The next chunks of a base's newest active version, for embedding: those behind `after`, the `position` of the last one
-- that was read (0 for the first batch). Positions hold until the file is vacuumed.
SELECT chunk.rowid AS position, chunk.id, chunk.document_id, chunk.chunk_index, chunk.content, chunk.content_hash
FROM document_chunks AS chunk
WHERE chunk.rowid > :after AND chunk.kb_id = (
    SELECT base.id
    FROM knowledge_bases AS base
    WHERE base.name = :name AND base.status = 'active'
    ORDER BY base.version DESC
    LIMIT 1
)
ORDER BY chunk.rowid
LIMIT :limit;

-- name: delete_of_document :execrows
-- Remove a document's chunks; how many they were.
DELETE FROM document_chunks
WHERE document_id = :document_id;

-- name: copy_to_version :execrows
-- Take chunks of a document over to its copy in another version: at most `limit` (-1 for all) of those behind the
-- chunk_index `after`, in order; how many they were. Their new ids are UUIDv7 like all others: `stamp` is the first 15
-- characters of an id made now, which stand for the moment, the rest is random.
INSERT INTO document_chunks (
    id, document_id, kb_id, chunk_index, content, content_hash, token_count, metadata, created_at
)
SELECT
    :stamp || substr(lower(hex(randomblob(2))), 2) || '-' || substr('89ab', 1 + (random() & 3), 1)
    || substr(lower(hex(randomblob(2))), 2) || '-' || lower(hex(randomblob(6))),
    :new_document_id, :kb_id, chunk_index, content, content_hash, token_count, metadata, created_at
FROM document_chunks
WHERE document_id = :document_id AND chunk_index > :after
ORDER BY chunk_index
LIMIT :limit;

-- name: last_index :one
-- The chunk_index of a document's last chunk, null where it has none.
SELECT max(chunk_index) AS chunk_index
FROM document_chunks
WHERE document_id = :document_id;

-- name: delete_some :execrows
-- Remove at most `limit` chunks of a version; how many they were.
DELETE FROM document_chunks
WHERE rowid IN (SELECT rowid FROM document_chunks WHERE kb_id = :kb_id LIMIT :limit);

-- name: delete_some_of_document :execrows
-- Remove at most `limit` chunks of a document; how many they were.
DELETE FROM document_chunks
WHERE rowid IN (SELECT rowid FROM document_chunks WHERE document_id = :document_id LIMIT :limit);
