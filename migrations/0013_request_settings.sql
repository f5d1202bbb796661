-- What triggers may ask of the request besides its caller: {"method", "path", "headers", "cookies"} as JSON. It is there
-- while a batch runs, as the rest of the row is.
ALTER TABLE "edgeward.caller" ADD COLUMN request TEXT;
