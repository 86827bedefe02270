-- A run that was placed before keeps its backend: all workers of an attempt have the same one.
ALTER TABLE "runs" ADD COLUMN "backend" TEXT;

UPDATE "runs" SET "backend" = (
  SELECT "workers"."backend" FROM "assignments" JOIN "workers" ON "workers"."id" = "assignments"."worker_id"
  WHERE "assignments"."run_id" = "runs"."id"
  ORDER BY "assignments"."attempt", "assignments"."generation", "assignments"."rank"
  LIMIT 1
);
