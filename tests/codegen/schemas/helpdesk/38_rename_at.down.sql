ALTER TABLE comments RENAME created_at TO at;
