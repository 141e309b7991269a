ALTER TABLE attachments RENAME COLUMN file_name TO name;
