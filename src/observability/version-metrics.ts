import { Gauge, type Registry } from 'prom-client';
import type { VersionRecord } from '../repository/version-lifecycle.ts';

/** What each version's gates showed and where it stands, read at the moment of a scrape. */
export function registerVersionMetrics(registers: Registry[], versions: () => readonly VersionRecord[]): void {
  new Gauge({
    name: 'serval_version_state',
    help: '1 for the state that each version is in; GET /models has the reason of those that failed.',
    labelNames: ['model', 'version', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { model, version, state } of versions()) this.set({ model, version: String(version), state }, 1);
    },
  });
  new Gauge({
    name: 'serval_version_update_refused',
    help: '1 for a version that goes on serving because the change of its folder did not pass its gates.',
    labelNames: ['model', 'version'],
    registers,
    collect() {
      this.reset();
      for (const { model, version, refusedUpdate } of versions())
        this.set({ model, version: String(version) }, refusedUpdate === null ? 0 : 1);
    },
  });
  new Gauge({
    name: 'serval_golden_largest_error',
    help: 'Largest difference of a golden sample’s score from the reference implementation’s.',
    labelNames: ['model', 'version'],
    registers,
    collect() {
      this.reset();
      for (const { model, version, verification } of versions()) {
        const golden = verification?.golden ?? null;
        if (golden !== null) this.set({ model, version: String(version) }, golden.largestError);
      }
    },
  });
  new Gauge({
    name: 'serval_batching_verdict',
    help: '1 for what mixed batches do to a version’s scores: invariant, within_tolerance, unsafe (it runs unbatched) or off.',
    labelNames: ['model', 'version', 'verdict'],
    registers,
    collect() {
      this.reset();
      for (const { model, version, verification } of versions()) {
        if (verification !== null) this.set({ model, version: String(version), verdict: verification.batching }, 1);
      }
    },
  });
  new Gauge({
    name: 'serval_batch_largest_move',
    help: 'Largest difference of a sample’s score between alone and in a mixed batch.',
    labelNames: ['model', 'version'],
    registers,
    collect() {
      this.reset();
      for (const { model, version, verification } of versions()) {
        if (verification !== null) this.set({ model, version: String(version) }, verification.largestBatchMove);
      }
    },
  });
}
