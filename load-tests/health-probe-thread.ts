import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { HttpConnection } from './http-connection.ts';
import { getBytes } from './http-request.ts';

/** What HealthProbe runs in a thread of its own. */
export interface HealthProbeOrder {
  readonly port: number;
  readonly path: string;
  readonly everyMs: number;
}

const HOST = '127.0.0.1';
const { port, path, everyMs } = workerData as HealthProbeOrder;
const took: number[] = [];
let isStopped = false;
parentPort?.once('message', () => {
  isStopped = true;
});
const connection = new HttpConnection({ host: HOST, port });
const ask = () => connection.send(getBytes(path, { host: HOST, port, closes: false })).catch(() => null);
// The thread's own first steps are slow ones.
await ask();
parentPort?.postMessage('asking');
while (!isStopped) {
  const begun = performance.now();
  const answer = await ask();
  took.push(answer?.status === 200 ? performance.now() - begun : Number.POSITIVE_INFINITY);
  if (!connection.isOpen) break;
  await delay(everyMs);
}
connection.close();
parentPort?.postMessage(took);
