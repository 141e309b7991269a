-- name: latest_active :one
-- The newest active version of the knowledge base with this name.
SELECT *
FROM knowledge_bases
WHERE name = :name AND status = 'active'
ORDER BY version DESC
LIMIT 1;

-- name: pinned :one
-- The version that a knowledge base is pinned to, as the newest of its versions that pins one says; none where none does.
SELECT pinned.*
FROM knowledge_bases AS pinned
WHERE pinned.name = :name AND pinned.version = (
    SELECT newest.pinned_version
    FROM knowledge_bases AS newest
    WHERE newest.name = :name AND newest.pinned_version IS NOT NULL
    ORDER BY newest.version DESC
    LIMIT 1
);

-- name: statistics :many
-- Each version of each knowledge base with what its documents hold: how many, their chunks, the bytes of their files.
SELECT
    base.id,
    base.name,
    base.version,
    base.status,
    base.embedder_model,
    base.chunk_size,
    base.chunk_overlap,
    count(document.id) AS documents,
    coalesce(sum(document.chunk_count), 0) AS chunks,
    coalesce(sum(document.size_bytes), 0) AS size_bytes
FROM knowledge_bases AS base
LEFT JOIN documents AS document ON document.kb_id = base.id
GROUP BY base.name, base.version
ORDER BY base.name, base.version;

-- name: activate :execrows
-- Make one version the active one: the other active versions of its name become inactive. How many rows changed.
UPDATE knowledge_bases
SET
    status = CASE WHEN id = :id THEN 'active' ELSE 'inactive' END,
    updated_at = :updated_at
WHERE id = :id
    OR (status = 'active' AND name = (SELECT chosen.name FROM knowledge_bases AS chosen WHERE chosen.id = :id));
