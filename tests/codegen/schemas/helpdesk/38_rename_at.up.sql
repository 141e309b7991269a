ALTER TABLE comments RENAME at TO created_at;
