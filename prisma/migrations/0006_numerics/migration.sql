-- How a worker computes, and how the attempts of a run have computed. Runs that were placed before keep their backend alone: of the
-- rest nothing is known.
ALTER TABLE "workers" ADD COLUMN "numerics" JSONB;
ALTER TABLE "runs" ADD COLUMN "numerics" JSONB;
