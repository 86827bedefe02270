-- What was deleted, and what is kept of it.
ALTER TABLE "datasets" ADD COLUMN "deleted_at" TIMESTAMPTZ(3);
ALTER TABLE "checkpoints" ADD COLUMN "superseded" BOOLEAN NOT NULL DEFAULT false;
UPDATE "checkpoints" SET "superseded" = true FROM "runs"
  WHERE "runs"."id" = "checkpoints"."run_id" AND "runs"."status" IN ('SUCCEEDED', 'FAILED', 'CANCELLED');
-- Of progress only the newest event is kept; before there was one for each report.
DELETE FROM "run_events" AS "event" USING (
    SELECT "run_id", max("sequence") AS "newest" FROM "run_events" WHERE "type" = 'progress' GROUP BY "run_id"
  ) AS "last"
  WHERE "event"."run_id" = "last"."run_id" AND "event"."type" = 'progress' AND "event"."sequence" < "last"."newest";
