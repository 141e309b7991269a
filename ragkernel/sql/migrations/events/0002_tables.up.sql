-- The specification's tables of the event log, and all its indexes by name.

-- The event log. `id` is the global position; AUTOINCREMENT so that a position is never used again. A stream is
-- (aggregate_type, aggregate_id), its events counted from 1 by sequence_number. Beyond the specification:
-- payload_digest is the SHA-256 of payload_salt and the stored event_data and metadata; it enters the checksum chain in
-- their place, so that erasing a payload together with its salt leaves the chain verifiable and the digest unguessable.
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    event_id TEXT NOT NULL UNIQUE,
    event_type TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    aggregate_type TEXT NOT NULL,
    sequence_number INTEGER NOT NULL,
    event_data JSON TEXT NOT NULL,
    metadata JSON TEXT,
    trace_id TEXT,
    user_id TEXT,
    timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    payload_salt BLOB,
    payload_digest TEXT NOT NULL,
    checksum TEXT NOT NULL
);

-- States of an aggregate at a sequence number. The specification keys them by aggregate_id alone, under which two
-- aggregate types with one id collide and "state as of sequence n" has no row to start from.
CREATE TABLE aggregate_snapshots (
    aggregate_id TEXT NOT NULL,
    aggregate_type TEXT NOT NULL,
    sequence_number INTEGER NOT NULL,
    snapshot_data JSON TEXT NOT NULL,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (aggregate_id, aggregate_type, sequence_number)
);

CREATE INDEX idx_events_type ON events (event_type);
CREATE INDEX idx_events_timestamp ON events (timestamp);
CREATE INDEX idx_events_trace_id ON events (trace_id);
CREATE UNIQUE INDEX idx_events_sequence ON events (aggregate_id, aggregate_type, sequence_number);
CREATE INDEX idx_events_aggregate ON events (aggregate_id, aggregate_type, sequence_number);
