-- The one source of today's schema. `make gen` turns it into ragkernel/generated; the migrations under
-- ragkernel/sql/migrations build the same tables step by step, and a test holds the two equal.
--
-- Three parts. "common" tables stand in every file that the kernel opens; "app_meta" and "events" tables stand
-- together in app_meta.db (single mode) or in app_meta.db and events.db (split mode).
--
-- Departures from the specification, each for a reason:
--   * NOT NULL on every primary key and on every column with a default. SQLite lets NULL into a TEXT PRIMARY KEY and
--     into any column that merely has a default; the specification's structs (`id: String`, `created_at: NaiveDateTime`)
--     say that it never stands there.
--   * `JSON TEXT` instead of `JSON`. A column declared JSON has NUMERIC affinity, which turns the JSON texts `1e3`,
--     `1.0` and 20-digit integers into other numbers; "TEXT" in the declared type gives TEXT affinity and keeps them
--     (https://www.sqlite.org/datatype3.html#determination_of_column_affinity).
--   * DATETIME holds UTC text, `YYYY-MM-DD HH:MM:SS[.ffffff]`, which sorts together with CURRENT_TIMESTAMP.
--   * Two indexes of app_meta and one of events repeat what a UNIQUE constraint or index already covers: migrations 3
--     and 4 drop them. Each is named in a comment beside the one that covers it.
--   * The event tables carry what a verifiable history needs: see the part "events".

-- part: common

-- The kernel's own facts about this file: layout (single or split), pair id, last backup and vacuum.
CREATE TABLE kernel_state (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The ledger of applied migrations. Beyond the specification: the migration's name, the database it belongs to and the
-- SHA-256 of its text, so that a history that was changed, is missing or is newer than the code is noticed.
CREATE TABLE schema_migrations (
    version INTEGER PRIMARY KEY NOT NULL,
    applied_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    description TEXT,
    name TEXT NOT NULL,
    database TEXT NOT NULL CHECK (database IN ('app_meta', 'events')),
    sha256 TEXT NOT NULL
);

-- How far each projection has read. A row lives in the file of its projection and is written in the projection's own
-- transaction: a commit over two files is not atomic in WAL mode, so a checkpoint elsewhere could not be exact.
CREATE TABLE event_checkpoints (
    processor_name TEXT PRIMARY KEY NOT NULL,
    last_processed_sequence INTEGER NOT NULL DEFAULT 0,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- part: app_meta

-- Configuration and settings of the application, one row a key.
CREATE TABLE settings (
    id INTEGER PRIMARY KEY NOT NULL,
    key TEXT NOT NULL UNIQUE,
    value TEXT NOT NULL,
    schema_version INTEGER NOT NULL DEFAULT 1,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- One row a version of a knowledge base. UNIQUE(name, version) is also the index for look-ups by name and version: it
-- covers the specification's idx_kb_name_version (dropped by migration 3).
CREATE TABLE knowledge_bases (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'building', 'error')),
    embedder_model TEXT NOT NULL,
    chunk_size INTEGER NOT NULL DEFAULT 512,
    chunk_overlap INTEGER NOT NULL DEFAULT 50,
    description TEXT,
    metadata JSON TEXT,
    health_score REAL NOT NULL DEFAULT 1.0,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    pinned_version INTEGER,
    UNIQUE (name, version)
);

-- A source document of a knowledge base. chunk_count and size_bytes are kept by ingest and the kernel's named queries.
CREATE TABLE documents (
    id TEXT PRIMARY KEY NOT NULL,
    kb_id TEXT NOT NULL,
    title TEXT NOT NULL,
    source_path TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    license_info TEXT,
    metadata JSON TEXT,
    chunk_count INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (kb_id) REFERENCES knowledge_bases (id) ON DELETE CASCADE
);

-- A piece of a document, in order of chunk_index. UNIQUE(document_id, chunk_index) is also the index for look-ups by
-- document: it covers the specification's idx_chunks_document_id (dropped by migration 3).
CREATE TABLE document_chunks (
    id TEXT PRIMARY KEY NOT NULL,
    document_id TEXT NOT NULL,
    kb_id TEXT NOT NULL,
    chunk_index INTEGER NOT NULL,
    content TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    token_count INTEGER,
    metadata JSON TEXT,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (document_id) REFERENCES documents (id) ON DELETE CASCADE,
    FOREIGN KEY (kb_id) REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    UNIQUE (document_id, chunk_index)
);

-- A pipeline that the application, or the kernel's own ingest, can run.
CREATE TABLE pipelines (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    config JSON TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'draft')),
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- One run of a pipeline: what it did, how it ended, what it measured.
CREATE TABLE pipeline_runs (
    id TEXT PRIMARY KEY NOT NULL,
    pipeline_id TEXT NOT NULL,
    kb_id TEXT,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    started_at DATETIME,
    completed_at DATETIME,
    error_message TEXT,
    metrics JSON TEXT,
    artifacts JSON TEXT,
    FOREIGN KEY (pipeline_id) REFERENCES pipelines (id),
    FOREIGN KEY (kb_id) REFERENCES knowledge_bases (id)
);

-- Tools that the application can call, each with its configuration and the JSON schema of its arguments.
CREATE TABLE tools (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    config JSON TEXT NOT NULL,
    schema JSON TEXT NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- When a pipeline is due, as a five-field cron expression in UTC.
CREATE TABLE schedules (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    cron_expression TEXT NOT NULL,
    pipeline_id TEXT NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    last_run DATETIME,
    next_run DATETIME,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (pipeline_id) REFERENCES pipelines (id)
);

-- A flow definition of the application.
CREATE TABLE flows (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    definition JSON TEXT NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_documents_kb_id ON documents (kb_id);
CREATE INDEX idx_documents_hash ON documents (content_hash);
CREATE INDEX idx_chunks_kb_id ON document_chunks (kb_id);
CREATE INDEX idx_chunks_hash ON document_chunks (content_hash);
CREATE INDEX idx_pipeline_runs_pipeline_id ON pipeline_runs (pipeline_id);
CREATE INDEX idx_pipeline_runs_status ON pipeline_runs (status);
CREATE INDEX idx_pipeline_runs_started_at ON pipeline_runs (started_at);
CREATE INDEX idx_schedules_next_run ON schedules (next_run);
CREATE INDEX idx_kb_status ON knowledge_bases (status);
-- Beyond the specification: the two foreign keys that had no index, so that deleting a parent row does not scan the
-- children (https://www.sqlite.org/foreignkeys.html#fk_indexes).
CREATE INDEX idx_pipeline_runs_kb_id ON pipeline_runs (kb_id);
CREATE INDEX idx_schedules_pipeline_id ON schedules (pipeline_id);

-- part: events

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
-- Also covers the specification's idx_events_aggregate, which has the same columns (dropped by migration 4).
CREATE UNIQUE INDEX idx_events_sequence ON events (aggregate_id, aggregate_type, sequence_number);
