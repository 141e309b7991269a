-- Two indexes repeat what a UNIQUE constraint already covers, and cost a write each; two foreign keys had no index.

DROP INDEX idx_kb_name_version;
DROP INDEX idx_chunks_document_id;
CREATE INDEX idx_pipeline_runs_kb_id ON pipeline_runs (kb_id);
CREATE INDEX idx_schedules_pipeline_id ON schedules (pipeline_id);
