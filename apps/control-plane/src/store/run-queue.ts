/** What the REST side needs of the queue. The queue itself (BullMQ) lives in src/queue. */
export interface RunQueue {
  /**
   * Puts `{ runId }` under the job id `runId`; the same run twice is one job. Lower priority numbers go first.
   * `INVALID_INPUT` where the queue will never take it.
   */
  enqueue(runId: string, priority: number): Promise<void>;
  /** Takes a waiting job out; harmless where it is not there or already being worked on. */
  remove(runId: string): Promise<void>;
  /** Jobs by state, for /metrics; rejects where the queue cannot be reached, which is what /health/ready wants to know. */
  depth(): Promise<Readonly<Record<'waiting' | 'active' | 'delayed' | 'failed', number>>>;
}
