DROP TRIGGER tickets_ai;
DROP TRIGGER tickets_ad;
