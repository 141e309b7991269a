-- A chat server: tables without keys, unique indexes in their place, big counters, TEXT as JSON, NULL in unique columns.
CREATE TABLE events (
    stream_ordering INTEGER PRIMARY KEY,
    topological_ordering BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    room_id TEXT NOT NULL,
    processed BOOL NOT NULL,
    outlier BOOL NOT NULL DEFAULT 0,
    depth BIGINT DEFAULT 0 NOT NULL,
    origin_server_ts BIGINT,
    received_ts BIGINT,
    sender TEXT,
    contains_url BOOLEAN,
    UNIQUE (event_id)
);
CREATE TABLE event_json (event_id TEXT NOT NULL, room_id TEXT NOT NULL, internal_metadata TEXT NOT NULL, json TEXT NOT NULL,
    format_version INTEGER, UNIQUE (event_id));
CREATE TABLE current_state_events (event_id TEXT NOT NULL, room_id TEXT NOT NULL, type TEXT NOT NULL, state_key TEXT NOT NULL,
    membership TEXT, UNIQUE (event_id), UNIQUE (room_id, type, state_key));
CREATE TABLE room_memberships (event_id TEXT NOT NULL, user_id TEXT NOT NULL, sender TEXT NOT NULL, room_id TEXT NOT NULL,
    membership TEXT NOT NULL, forgotten INTEGER DEFAULT 0, display_name TEXT, avatar_url TEXT, UNIQUE (event_id));
CREATE INDEX room_memberships_room_id ON room_memberships (room_id);
CREATE INDEX room_memberships_user_id ON room_memberships (user_id);
CREATE TABLE users (name TEXT, password_hash TEXT, creation_ts BIGINT, admin SMALLINT DEFAULT 0 NOT NULL,
    upgrade_ts BIGINT, is_guest SMALLINT DEFAULT 0 NOT NULL, appservice_id TEXT, deactivated SMALLINT DEFAULT 0 NOT NULL,
    UNIQUE (name));
CREATE TABLE profiles (user_id TEXT NOT NULL, displayname TEXT, avatar_url TEXT, UNIQUE (user_id));
CREATE TABLE devices (user_id TEXT NOT NULL, device_id TEXT NOT NULL, display_name TEXT, last_seen BIGINT, ip TEXT,
    hidden BOOLEAN DEFAULT 0, CONSTRAINT device_uniqueness UNIQUE (user_id, device_id));
CREATE TABLE device_inbox (user_id TEXT NOT NULL, device_id TEXT NOT NULL, stream_id BIGINT NOT NULL, message_json TEXT NOT NULL,
    instance_name TEXT);
CREATE INDEX device_inbox_user_stream_id ON device_inbox (user_id, device_id, stream_id);
CREATE TABLE presence_stream (stream_id BIGINT, user_id TEXT, state TEXT, last_active_ts BIGINT, currently_active BOOLEAN);
CREATE UNIQUE INDEX presence_stream_id ON presence_stream (stream_id, user_id);
CREATE INDEX presence_stream_state_not_offline_idx ON presence_stream (state) WHERE state != 'offline';
CREATE TABLE receipts_linearized (stream_id BIGINT NOT NULL, room_id TEXT NOT NULL, receipt_type TEXT NOT NULL, user_id TEXT NOT NULL,
    event_id TEXT NOT NULL, thread_id TEXT, data TEXT NOT NULL, UNIQUE (room_id, receipt_type, user_id, thread_id));
CREATE UNIQUE INDEX receipts_linearized_unique_index ON receipts_linearized (room_id, receipt_type, user_id) WHERE thread_id IS NULL;
CREATE TABLE push_rules (id BIGINT PRIMARY KEY, user_name TEXT NOT NULL, rule_id TEXT NOT NULL, priority_class SMALLINT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0, conditions TEXT NOT NULL, actions TEXT NOT NULL, UNIQUE (user_name, rule_id));
CREATE TABLE appservice_stream_position (Lock CHAR(1) NOT NULL DEFAULT 'X' UNIQUE, stream_ordering BIGINT, CHECK (Lock = 'X'));
CREATE TABLE media (media_id TEXT, media_type TEXT, media_length INTEGER, created_ts BIGINT, upload_name TEXT, blurhash BLOB,
    quarantined_by TEXT, safe BOOLEAN NOT NULL DEFAULT FALSE, UNIQUE (media_id));
CREATE TABLE erased_users (user_id TEXT NOT NULL);
CREATE UNIQUE INDEX erased_users_user ON erased_users (user_id);
CREATE TABLE log_lines (body);
CREATE VIEW joined AS SELECT room_id, count(*) AS members FROM room_memberships WHERE membership = 'join' GROUP BY room_id;
