import type { CostModel } from './cost-model.ts';
import { RankedQueue } from './queue.ts';
import type { Job } from './submission.ts';

/** One version's waiting items. */
export class VersionQueue {
  readonly key: string;
  readonly maxBatchItems: number;
  readonly cost: CostModel;
  readonly jobs = new RankedQueue<Job>();
  /** Worker time in ms that this version has had, counted from the share of a version that was never idle. */
  served = 0;

  constructor(key: string, maxBatchItems: number, cost: CostModel) {
    this.key = key;
    this.cost = cost;
    this.maxBatchItems = maxBatchItems;
  }
}
