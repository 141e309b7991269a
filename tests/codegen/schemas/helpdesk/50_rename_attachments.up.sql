ALTER TABLE attachments RENAME COLUMN name TO file_name;
