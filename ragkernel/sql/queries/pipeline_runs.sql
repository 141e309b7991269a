-- name: by_status :many
-- Runs in one state, the newest first, each with the name of its pipeline.
-- lint: accept temporary-b-tree: for a person who asks; an index by state and start would cost every run
SELECT run.*, pipeline.name AS pipeline_name
FROM pipeline_runs AS run
INNER JOIN pipelines AS pipeline ON pipeline.id = run.pipeline_id
WHERE run.status = :status
ORDER BY run.started_at DESC, run.id DESC
LIMIT :limit;

-- name: running_of_base :many
-- The runs that build a knowledge base now, by the names of their pipelines, the oldest first.
-- lint: accept temporary-b-tree: few runs are running at once
SELECT run.*
FROM pipeline_runs AS run
INNER JOIN pipelines AS pipeline ON pipeline.id = run.pipeline_id
WHERE run.status = 'running' AND pipeline.name IN (:ingest_name, :import_name)
ORDER BY run.id;

-- name: detach :execrows
-- Let the runs of a knowledge base go on without it, keeping its name and version in their metrics; how many they were.
-- @param kb_name: str
-- @param kb_version: int
UPDATE pipeline_runs
SET
    kb_id = NULL,
    metrics = json_set(coalesce(metrics, '{}'), '$.kb_name', :kb_name, '$.kb_version', :kb_version)
WHERE kb_id = :kb_id;

-- name: fail_running :execrows
-- Mark every run that is running failed, whatever its pipeline; how many they were.
-- @param completed_at: datetime
-- @param error_message: str
UPDATE pipeline_runs
SET status = 'failed', completed_at = :completed_at, error_message = :error_message
WHERE status = 'running';

-- name: newest_first :many
-- Runs, the newest first, each with the name of its pipeline: those behind the run `before`, of one base (all its
-- versions, by name) and in one state where these are not null.
SELECT run.*, pipeline.name AS pipeline_name
FROM pipeline_runs AS run
INNER JOIN pipelines AS pipeline ON pipeline.id = run.pipeline_id
WHERE (:before IS NULL OR run.id < :before)
    AND (
        :kb_name IS NULL
        OR pipeline.name IN ('ingest:' || :kb_name, 'import:' || :kb_name)
        OR run.kb_id IN (SELECT base.id FROM knowledge_bases AS base WHERE base.name = :kb_name)
    )
    AND (:status IS NULL OR run.status = :status)
ORDER BY run.id DESC
LIMIT :limit;
