-- Recorded states of a house: large histories, foreign keys without names, floats as times, hashes as signed integers.
CREATE TABLE event_data (data_id INTEGER NOT NULL, hash BIGINT, shared_data TEXT, PRIMARY KEY (data_id));
CREATE INDEX ix_event_data_hash ON event_data (hash);
CREATE TABLE states_meta (metadata_id INTEGER NOT NULL, entity_id VARCHAR(255), PRIMARY KEY (metadata_id));
CREATE UNIQUE INDEX ix_states_meta_entity_id ON states_meta (entity_id);
CREATE TABLE states (state_id INTEGER NOT NULL, entity_id CHAR(0), state VARCHAR(255), attributes CHAR(0), last_changed_ts FLOAT, last_updated_ts FLOAT, old_state_id INTEGER, metadata_id INTEGER, context_id_bin BLOB,
    PRIMARY KEY (state_id), FOREIGN KEY(old_state_id) REFERENCES states (state_id), FOREIGN KEY(metadata_id) REFERENCES states_meta (metadata_id));
CREATE INDEX ix_states_metadata_id_last_updated_ts ON states (metadata_id, last_updated_ts);
CREATE INDEX ix_states_context_id_bin ON states (context_id_bin);
CREATE TABLE statistics_meta (id INTEGER NOT NULL, statistic_id VARCHAR(255), unit VARCHAR(255), has_mean BOOLEAN, has_sum BOOLEAN, PRIMARY KEY (id));
CREATE TABLE statistics (id INTEGER NOT NULL, created_ts FLOAT, metadata_id INTEGER, start_ts FLOAT, mean FLOAT, min FLOAT, max FLOAT, sum FLOAT,
    PRIMARY KEY (id), FOREIGN KEY(metadata_id) REFERENCES statistics_meta (id) ON DELETE CASCADE);
CREATE UNIQUE INDEX ix_statistics_statistic_id_start_ts ON statistics (metadata_id, start_ts);
CREATE TABLE recorder_runs (run_id INTEGER NOT NULL, start DATETIME NOT NULL, "end" DATETIME, closed_incorrect BOOLEAN NOT NULL, created DATETIME NOT NULL, PRIMARY KEY (run_id));
CREATE INDEX ix_recorder_runs_start_end ON recorder_runs (start, "end");
CREATE VIEW hourly AS SELECT metadata_id, CAST(start_ts / 3600 AS INTEGER) AS hour, avg(mean) AS mean, min(min) AS low, max(max) AS high FROM statistics GROUP BY 1, 2;
CREATE VIEW days AS WITH RECURSIVE day(n, at) AS (VALUES (0, date('2026-01-01')) UNION ALL SELECT n + 1, date(at, '+1 day') FROM day WHERE n < 30) SELECT n, at FROM day;
