-- name: neighbours :many
-- A chunk and those around it in its document, at most `radius` places before and behind, in order.
-- @param radius: int
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
