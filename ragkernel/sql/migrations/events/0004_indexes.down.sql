-- The index as migration 2 made it.

CREATE INDEX idx_events_aggregate ON events (aggregate_id, aggregate_type, sequence_number);
