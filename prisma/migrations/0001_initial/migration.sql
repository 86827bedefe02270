-- CreateTable
CREATE TABLE "datasets" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "format" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "manifest" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "splits" JSONB NOT NULL,
    "class_names" JSONB NOT NULL,
    "problems" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "datasets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "models" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "architecture" TEXT NOT NULL,
    "parameters" BIGINT NOT NULL,
    "description" TEXT NOT NULL,
    "config" JSONB NOT NULL,
    "artifact" TEXT NOT NULL,
    "files" JSONB NOT NULL,
    "weights_sha256" TEXT NOT NULL,
    "weights_bytes" BIGINT NOT NULL,
    "run_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "models_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "runs" (
    "id" TEXT NOT NULL,
    "name" TEXT,
    "idempotency_key" TEXT,
    "body_hash" TEXT,
    "spec" JSONB NOT NULL,
    "model_name" TEXT NOT NULL,
    "base_artifact" TEXT,
    "dataset_id" TEXT NOT NULL,
    "priority" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "generation" INTEGER NOT NULL DEFAULT 0,
    "world_size" INTEGER NOT NULL DEFAULT 0,
    "progress" JSONB NOT NULL,
    "fencing_token" BIGINT NOT NULL DEFAULT 0,
    "event_sequence" INTEGER NOT NULL DEFAULT 0,
    "worker_sequence" BIGINT NOT NULL DEFAULT 0,
    "weights_sha256" TEXT,
    "weights_bytes" BIGINT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "first_step_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "attempts" (
    "run_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "generation" INTEGER NOT NULL,
    "world_size" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    "outcome" TEXT,

    CONSTRAINT "attempts_pkey" PRIMARY KEY ("run_id","number")
);

-- CreateTable
CREATE TABLE "assignments" (
    "run_id" TEXT NOT NULL,
    "attempt" INTEGER NOT NULL,
    "generation" INTEGER NOT NULL,
    "rank" INTEGER NOT NULL,
    "worker_id" TEXT NOT NULL,
    "held_worker_id" TEXT,
    "address" TEXT NOT NULL,
    "assigned_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "released_at" TIMESTAMPTZ(3),

    CONSTRAINT "assignments_pkey" PRIMARY KEY ("run_id","attempt","generation","rank")
);

-- CreateTable
CREATE TABLE "run_events" (
    "run_id" TEXT NOT NULL,
    "sequence" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "type" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "detail" JSONB NOT NULL,

    CONSTRAINT "run_events_pkey" PRIMARY KEY ("run_id","sequence")
);

-- CreateTable
CREATE TABLE "step_metrics" (
    "run_id" TEXT NOT NULL,
    "step" INTEGER NOT NULL,
    "loss" DOUBLE PRECISION NOT NULL,
    "learning_rate" DOUBLE PRECISION NOT NULL,
    "gradient_norm" DOUBLE PRECISION NOT NULL,
    "samples_per_second" DOUBLE PRECISION NOT NULL,
    "data_seconds" DOUBLE PRECISION NOT NULL,
    "forward_backward_seconds" DOUBLE PRECISION NOT NULL,
    "all_reduce_seconds" DOUBLE PRECISION NOT NULL,
    "optimizer_seconds" DOUBLE PRECISION NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "step_metrics_pkey" PRIMARY KEY ("run_id","step")
);

-- CreateTable
CREATE TABLE "checkpoints" (
    "run_id" TEXT NOT NULL,
    "step" INTEGER NOT NULL,
    "sha256" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "checkpoints_pkey" PRIMARY KEY ("run_id","step")
);

-- CreateTable
CREATE TABLE "scores" (
    "run_id" TEXT NOT NULL,
    "task" TEXT NOT NULL,
    "metric" TEXT NOT NULL,
    "stage" TEXT NOT NULL,
    "value" DOUBLE PRECISION NOT NULL,
    "split" TEXT NOT NULL,
    "step" INTEGER NOT NULL,
    "samples" INTEGER NOT NULL,
    "chance" DOUBLE PRECISION,
    "position" SERIAL NOT NULL,

    CONSTRAINT "scores_pkey" PRIMARY KEY ("run_id","task","metric","stage")
);

-- CreateTable
CREATE TABLE "workers" (
    "id" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "pool" TEXT NOT NULL,
    "backend" TEXT NOT NULL,
    "device" TEXT NOT NULL,
    "threads" INTEGER NOT NULL,
    "memory_bytes" BIGINT NOT NULL,
    "memory_used_bytes" BIGINT NOT NULL DEFAULT 0,
    "event_loop_lag_ms" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "version" TEXT NOT NULL,
    "draining" BOOLEAN NOT NULL DEFAULT false,
    "registered_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lease_expires_at" TIMESTAMPTZ(3) NOT NULL,
    "left_at" TIMESTAMPTZ(3),

    CONSTRAINT "workers_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "datasets_name_key" ON "datasets"("name");

-- CreateIndex
CREATE INDEX "datasets_created_at_id_idx" ON "datasets"("created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "models_name_key" ON "models"("name");

-- CreateIndex
CREATE UNIQUE INDEX "models_run_id_key" ON "models"("run_id");

-- CreateIndex
CREATE INDEX "models_created_at_id_idx" ON "models"("created_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "runs_name_key" ON "runs"("name");

-- CreateIndex
CREATE UNIQUE INDEX "runs_idempotency_key_key" ON "runs"("idempotency_key");

-- CreateIndex
CREATE INDEX "runs_created_at_id_idx" ON "runs"("created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "runs_status_priority_created_at_id_idx" ON "runs"("status", "priority", "created_at", "id");

-- CreateIndex
CREATE INDEX "runs_dataset_id_idx" ON "runs"("dataset_id");

-- CreateIndex
CREATE UNIQUE INDEX "assignments_held_worker_id_key" ON "assignments"("held_worker_id");

-- CreateIndex
CREATE INDEX "assignments_worker_id_idx" ON "assignments"("worker_id");

-- CreateIndex
CREATE INDEX "workers_lease_expires_at_idx" ON "workers"("lease_expires_at");

-- AddForeignKey
ALTER TABLE "models" ADD CONSTRAINT "models_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "runs"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "runs" ADD CONSTRAINT "runs_dataset_id_fkey" FOREIGN KEY ("dataset_id") REFERENCES "datasets"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "assignments" ADD CONSTRAINT "assignments_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "assignments" ADD CONSTRAINT "assignments_worker_id_fkey" FOREIGN KEY ("worker_id") REFERENCES "workers"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run_events" ADD CONSTRAINT "run_events_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "step_metrics" ADD CONSTRAINT "step_metrics_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "checkpoints" ADD CONSTRAINT "checkpoints_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "scores" ADD CONSTRAINT "scores_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;
