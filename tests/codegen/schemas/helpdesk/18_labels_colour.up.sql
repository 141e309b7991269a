ALTER TABLE labels ADD COLUMN colour CHAR(7) CHECK (colour LIKE '#______');
