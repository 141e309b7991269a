DROP TRIGGER tickets_au;
