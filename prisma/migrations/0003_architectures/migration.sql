-- Runs of several architectures, of several datasets, with scores that are no parts of 1. What is there is CLIP, on one
-- dataset each, in parts of 1.
ALTER TABLE "runs" ADD COLUMN "architecture" TEXT NOT NULL DEFAULT 'clip';
ALTER TABLE "runs" ALTER COLUMN "architecture" DROP DEFAULT;
ALTER TABLE "runs" ADD COLUMN "dataset_manifests" JSONB;
ALTER TABLE "scores" ADD COLUMN "unit" TEXT NOT NULL DEFAULT 'ratio';
ALTER TABLE "scores" ALTER COLUMN "unit" DROP DEFAULT;
ALTER TABLE "step_metrics" ADD COLUMN "dataset_losses" JSONB;
