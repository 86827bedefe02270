-- Runs that take towers from other models.
ALTER TABLE "runs" ADD COLUMN "tower_artifacts" JSONB;
