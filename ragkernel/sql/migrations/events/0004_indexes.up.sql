-- idx_events_sequence, which is unique, has the same columns.

DROP INDEX idx_events_aggregate;
