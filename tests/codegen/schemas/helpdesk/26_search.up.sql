CREATE VIRTUAL TABLE ticket_search USING fts5(title, description, content='tickets', content_rowid='id');
