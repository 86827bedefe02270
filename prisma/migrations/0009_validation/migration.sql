-- A run is validated many times.
ALTER TABLE "scores" DROP CONSTRAINT "scores_pkey",
  ADD CONSTRAINT "scores_pkey" PRIMARY KEY ("run_id", "task", "metric", "stage", "step");
