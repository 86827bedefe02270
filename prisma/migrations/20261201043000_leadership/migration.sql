-- Who leads of the control planes on this database, or led last: one row. Who may lead is decided by an advisory lock; the row tells
-- the others where the leader is, and its term, which rises with each of them, tells late writers from the present one.
CREATE TABLE "leadership" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "term" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "grpc_address" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "leadership_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "leadership_one_row" CHECK ("id" = 1)
);
