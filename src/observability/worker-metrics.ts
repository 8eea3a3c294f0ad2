import { Gauge, type Registry } from 'prom-client';
import { parseVersionKey } from '../repository/manifest.ts';
import type { WorkerUsage } from '../workers/protocol.ts';
import type { LoadOutcome } from '../workers/worker-process.ts';

/** A worker that is ready. */
interface WorkerSnapshot {
  readonly id: number;
  readonly usage: WorkerUsage | null;
  readonly loads: ReadonlyMap<string, LoadOutcome>;
}

export interface WorkerSnapshots {
  readonly workers: () => readonly WorkerSnapshot[];
  /** Those of them that take work, and are not spares. */
  readonly servingWorkers: () => number;
}

/** The workers, read at the moment of a scrape. */
export function registerWorkerMetrics(registers: Registry[], snapshots: WorkerSnapshots): void {
  new Gauge({
    name: 'serval_workers',
    help: 'Workers that can take batches.',
    registers,
    collect() {
      this.set(snapshots.servingWorkers());
    },
  });
  new Gauge({
    name: 'serval_execution_provider',
    help: 'Workers that have loaded a version, by what runs it: cpu or cuda.',
    labelNames: ['model', 'version', 'provider'],
    registers,
    collect() {
      this.reset();
      for (const { loads } of snapshots.workers()) {
        for (const [key, load] of loads) if (load.ok) this.inc({ ...parseVersionKey(key), provider: load.provider });
      }
    },
  });
  new Gauge({
    name: 'serval_worker_cpu_seconds',
    help: 'CPU time of each worker since it began.',
    labelNames: ['worker'],
    registers,
    collect() {
      this.reset();
      for (const { id, usage } of snapshots.workers()) if (usage) this.set({ worker: id }, usage.cpuSeconds);
    },
  });
  new Gauge({
    name: 'serval_worker_resident_memory_bytes',
    help: 'Resident memory of each worker; pages that workers share count in each.',
    labelNames: ['worker'],
    registers,
    collect() {
      this.reset();
      for (const { id, usage } of snapshots.workers()) if (usage) this.set({ worker: id }, usage.residentBytes);
    },
  });
}
