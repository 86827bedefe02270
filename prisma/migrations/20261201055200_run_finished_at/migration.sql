-- Each scrape asks for the runs that ended last, and retention for those that ended first.
CREATE INDEX "runs_finished_at_idx" ON "runs"("finished_at");
