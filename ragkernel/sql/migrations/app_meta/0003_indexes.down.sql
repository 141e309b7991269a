-- The indexes as migration 1 made them.

DROP INDEX idx_schedules_pipeline_id;
DROP INDEX idx_pipeline_runs_kb_id;
CREATE INDEX idx_chunks_document_id ON document_chunks (document_id);
CREATE INDEX idx_kb_name_version ON knowledge_bases (name, version);
