-- name: head :one
-- The last event of a stream: its number and checksum, from which the next one goes on.
SELECT sequence_number, checksum
FROM events
WHERE aggregate_id = :aggregate_id AND aggregate_type = :aggregate_type
ORDER BY sequence_number DESC
LIMIT 1;

-- name: append :one
-- Append one event. Data and metadata are given as the JSON text over which the payload digest was made.
-- @param event_data: str
-- @param metadata: str | None
INSERT INTO events (
    event_id, event_type, aggregate_id, aggregate_type, sequence_number, event_data, metadata, trace_id, user_id,
    timestamp, payload_salt, payload_digest, checksum
)
VALUES (
    :event_id, :event_type, :aggregate_id, :aggregate_type, :sequence_number, :event_data, :metadata, :trace_id,
    :user_id, :timestamp, :payload_salt, :payload_digest, :checksum
)
RETURNING *;

-- name: read_stream :many
-- The events of a stream behind the sequence number `after`, in order, at most `limit` (-1 for all).
SELECT *
FROM events
WHERE aggregate_id = :aggregate_id AND aggregate_type = :aggregate_type AND sequence_number > :after
ORDER BY sequence_number
LIMIT :limit;

-- name: read_stream_raw :many
-- As read_stream, with event_data, metadata and timestamp as the stored text, over which digests and checksums were made.
-- @column event_data: str
-- @column metadata: str | None
-- @column timestamp: str
SELECT *
FROM events
WHERE aggregate_id = :aggregate_id AND aggregate_type = :aggregate_type AND sequence_number > :after
ORDER BY sequence_number
LIMIT :limit;

-- name: facts_after :many
-- What happened to knowledge bases and their runs behind the global position `after`, in order: each row is an event that
-- the app database must have applied.
-- lint: accept temporary-b-tree: events of these types tell of bases and runs, not of documents: they are few
SELECT id, event_type, aggregate_id, event_data, metadata
FROM events
WHERE id > :after AND event_type IN (
    'KnowledgeBaseCreated', 'KnowledgeBaseResumed', 'KnowledgeBaseActivated', 'KnowledgeBaseFailed',
    'KnowledgeBasePruned', 'KnowledgeBasePinned', 'KnowledgeBaseUnpinned', 'KnowledgeBaseRemoved',
    'PipelineRunStarted', 'PipelineRunCompleted', 'PipelineRunFailed', 'PipelineRunCancelled'
)
ORDER BY id
LIMIT :limit;

-- name: newest_position :one
-- The global position of the newest event, null where there is none.
SELECT max(id) AS position
FROM events;
