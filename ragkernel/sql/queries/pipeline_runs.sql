-- name: by_status :many
-- Runs in one state, the newest first, each with the name of its pipeline.
SELECT run.*, pipeline.name AS pipeline_name
FROM pipeline_runs AS run
INNER JOIN pipelines AS pipeline ON pipeline.id = run.pipeline_id
WHERE run.status = :status
ORDER BY run.started_at DESC, run.id DESC
LIMIT :limit;

-- name: give_up :many
-- Mark the running runs of a pipeline failed, because a later one took over; which they were.
UPDATE pipeline_runs
SET status = 'failed', completed_at = :completed_at, error_message = :error_message
WHERE pipeline_id = :pipeline_id AND status = 'running'
RETURNING id;

-- name: running_of_pipeline :many
-- The running runs of a pipeline, the oldest first.
SELECT *
FROM pipeline_runs
WHERE pipeline_id = :pipeline_id AND status = 'running'
ORDER BY id;

-- name: newest_first :many
-- Runs, the newest first, each with the name of its pipeline: those behind the run `before`, of one base and in one state
-- where these are not null.
SELECT run.*, pipeline.name AS pipeline_name
FROM pipeline_runs AS run
INNER JOIN pipelines AS pipeline ON pipeline.id = run.pipeline_id
WHERE (:before IS NULL OR run.id < :before)
    AND (:kb_id IS NULL OR run.kb_id = :kb_id)
    AND (:status IS NULL OR run.status = :status)
ORDER BY run.id DESC
LIMIT :limit;
