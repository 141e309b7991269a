ALTER TABLE attachments ADD COLUMN size INTEGER AS (length(bytes));
