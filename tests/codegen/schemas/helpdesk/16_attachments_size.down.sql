ALTER TABLE attachments DROP COLUMN size;
