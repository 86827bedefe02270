-- A dataset is in the record before it has been read.
ALTER TABLE "datasets"
  ADD COLUMN "state" TEXT NOT NULL DEFAULT 'READY',
  ADD COLUMN "progress" JSONB,
  ADD COLUMN "failure" JSONB,
  ADD COLUMN "tries" INTEGER NOT NULL DEFAULT 0,
  ALTER COLUMN "manifest" DROP NOT NULL,
  ALTER COLUMN "bytes" SET DEFAULT 0,
  ALTER COLUMN "splits" SET DEFAULT '[]',
  ALTER COLUMN "class_names" SET DEFAULT '[]',
  ALTER COLUMN "problems" SET DEFAULT '[]';
CREATE INDEX "datasets_state_idx" ON "datasets"("state");
