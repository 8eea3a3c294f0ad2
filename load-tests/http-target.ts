import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClosedLoopOptions, runClosedLoop } from './closed-loop.ts';
import { HealthProbe } from './health-probe.ts';
import { HttpConnection } from './http-connection.ts';
import { type HttpRequest, toBytes } from './http-request.ts';
import { DishonestRun, runOpenLoop } from './open-loop.ts';
import { ownCpuSeconds, usageOf } from './process-tree.ts';
import { recoverySeconds } from './recovery.ts';
import { isOverload } from './scenarios.ts';
import { ServerTimings } from './server-timings.ts';
import type { Figures, Order, RunningTarget } from './target.ts';
import { partOf, type ToRequest } from './work.ts';

export interface HttpTargetOptions {
  readonly title: string;
  readonly child: ChildProcess;
  readonly port: number;
  readonly toRequest: ToRequest;
  /** Path that answers without a model, where the server has one. */
  readonly healthPath: string | null;
  readonly startUpSeconds: number;
  readonly stop: () => Promise<void>;
}

const HOST = '127.0.0.1';
const HEALTH_EVERY_MS = 50;

/** A server that runs, and how to load it. */
export class HttpTarget implements RunningTarget {
  readonly #options: HttpTargetOptions;
  readonly startUpSeconds: number;
  readonly stop: () => Promise<void>;

  constructor(options: HttpTargetOptions) {
    this.#options = options;
    this.startUpSeconds = options.startUpSeconds;
    this.stop = options.stop;
  }

  async measure(order: Order): Promise<Figures> {
    const { load } = order.scenario;
    return load.type === 'closed'
      ? await this.#closed(order, load.connections)
      : await this.#open(order, load.times * order.capacity);
  }

  async #closed({ work, round, seconds }: Order, connections: number): Promise<Figures> {
    const pid = this.#pid;
    const timings = connections === 1 ? new ServerTimings() : null;
    const options: ClosedLoopOptions = {
      url: `http://${HOST}:${this.#options.port}`,
      connections,
      seconds,
      requests: (at) =>
        partOf(work, { at, of: connections, shift: round * ROUND_SHIFT }).map((place) =>
          this.#request(work, place, at),
        ),
      check: ({ status, body, headers }) => {
        checkAnswer({ status, body });
        timings?.take(headers);
      },
    };
    const [before, mainBefore] = [await usageOf(pid), await ownCpuSeconds(pid)];
    const { answered, rate, latencyMs } = await runClosedLoop(options);
    const [after, mainAfter] = [await usageOf(pid), await ownCpuSeconds(pid)];
    return {
      rate,
      p50Ms: latencyMs.p50,
      p99Ms: latencyMs.p99,
      cpuMs: ((after.cpuSeconds - before.cpuSeconds) * 1000) / answered,
      mainCpuMs: ((mainAfter - mainBefore) * 1000) / answered,
      pssMb: after.pssBytes / 1e6,
      ...timings?.figures(latencyMs.p50),
    };
  }

  async #open({ work, scenario, round, seconds }: Order, rate: number): Promise<Figures> {
    const { load } = scenario;
    if (load.type !== 'open') throw new Error('This is a bug: a closed loop has no rate');
    const { port, healthPath } = this.#options;
    const deadlineMs = isOverload(scenario) ? load.deadlineMs : null;
    // Texts are not changed by the salt: their bytes are made once.
    const requests = new Map<number, HttpRequest>();
    const lanes = spread(work.size);
    const request = (at: number) => {
      const place = lanes[(at + round * ROUND_SHIFT) % lanes.length] ?? 0;
      const made = requests.get(place) ?? this.#options.toRequest(work.input(place, at), { deadlineMs });
      if (work.name.startsWith('text')) requests.set(place, made);
      return made;
    };
    const probe =
      healthPath !== null && isOverload(scenario)
        ? await HealthProbe.start({ port, path: healthPath, everyMs: HEALTH_EVERY_MS })
        : null;
    // As a user's who came before the flood; open it first.
    const kept = new HttpConnection({ host: HOST, port });
    const before = await usageOf(this.#pid);
    const options = { host: HOST, port, request, rate, seconds, ...load, seed: round + 1, check: checkAnswer };
    const report = await runOpenLoop(options).catch((error: unknown) => ({ error }));
    const health = (await probe?.stop()) ?? [];
    if ('error' in report) {
      kept.close();
      throw report.error;
    }
    const after = await usageOf(this.#pid);
    const answered = Math.max(1, report.usefulOverall);
    const aftermath = isOverload(scenario)
      ? await this.#afterOverload(report, { health, request, kept })
      : checkedSteady(report.statuses);
    kept.close();
    return {
      offered: rate,
      goodput: report.goodput,
      p50Ms: report.latencyMs.p50,
      p99Ms: report.latencyMs.p99,
      lagP99Ms: report.lagP99Ms,
      cpuMs: ((after.cpuSeconds - before.cpuSeconds) * 1000) / answered,
      ...Object.fromEntries(Object.entries(report.statuses).map(([status, count]) => [`answers ${status}`, count])),
      ...aftermath,
    };
  }

  async #afterOverload(
    { refusalP99Ms }: { refusalP99Ms: number },
    { health, request, kept }: Aftermath,
  ): Promise<Figures> {
    const { port } = this.#options;
    const bytes = (closes: boolean, at: number) => toBytes(request(at), { host: HOST, port, closes });
    const address = { host: HOST, port };
    const [recovery, keptRecovery] = await Promise.all(
      [null, kept].map((connection) => recoverySeconds({ address, kept: connection, bytes })),
    );
    return {
      refusalP99Ms,
      ...(health.length === 0 ? {} : { healthMaxMs: Math.max(...health) }),
      recoverySeconds: recovery ?? Number.NaN,
      keptRecoverySeconds: keptRecovery ?? Number.NaN,
    };
  }

  #request(work: Order['work'], place: number, salt: number): HttpRequest {
    return this.#options.toRequest(work.input(place, salt), { deadlineMs: null });
  }

  get #pid(): number {
    const { pid } = this.#options.child;
    if (pid === undefined) throw new Error(`${this.#options.title} could not be started`);
    return pid;
  }
}

interface Aftermath {
  readonly health: readonly number[];
  readonly request: (at: number) => HttpRequest;
  readonly kept: HttpConnection;
}

/** Each round starts so many inputs further. */
const ROUND_SHIFT = 37;
/** As many parts of the work are gone through at once as with 16 connections. */
const LANES = 16;

/** The places of a work in the order in which 16 connections in step would send them. */
export function spread(size: number): number[] {
  const length = Math.ceil(size / LANES);
  return Array.from({ length: LANES * length }, (_, at) => (at % LANES) * length + Math.floor(at / LANES)).filter(
    (place) => place < size,
  );
}

/** @throws DishonestRun where the server did not do the work. */
export function checkAnswer({ status, body }: { status: number; body: string }): void {
  if (status < 200 || status > 299) throw new DishonestRun(`an answer was ${status}: ${body.slice(0, 300)}`);
  const found = /"(shared|cached)":(?!\s*0\b)[^,}]*/.exec(body)?.[0];
  if (found !== undefined) throw new DishonestRun(`the server did not compute an answer: ${found}`);
}

/** Below saturation nothing may be refused. */
function checkedSteady(statuses: Readonly<Record<string, number>>): Figures {
  const bad = Object.entries(statuses).filter(([status]) => !status.startsWith('2'));
  if (bad.length > 0) throw new DishonestRun(`below saturation some answers were ${JSON.stringify(statuses)}`);
  return {};
}

/** Sends a request until it is answered with 2xx. @returns seconds since `begun`. */
export async function firstAnswer(
  { port, child, title }: Pick<HttpTargetOptions, 'port' | 'child' | 'title'>,
  request: HttpRequest,
  begun: number,
): Promise<number> {
  let last = 'nothing listens';
  while (performance.now() - begun < START_MS) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${title} ended at start-up; see its log`);
    const connection = new HttpConnection({ host: HOST, port });
    const timer = setTimeout(() => connection.close(), ANSWER_MS);
    try {
      const { status, body } = await connection.send(toBytes(request, { host: HOST, port, closes: true }));
      if (status >= 200 && status < 300) return (performance.now() - begun) / 1000;
      last = `${status} ${body.slice(0, 300)}`;
    } catch (error) {
      last = String(error);
    } finally {
      clearTimeout(timer);
      connection.close();
    }
    await delay(POLL_MS);
  }
  throw new Error(`${title} gave no answer in ${START_MS / 1000} s: ${last}`);
}

const START_MS = 90_000;
const ANSWER_MS = 10_000;
const POLL_MS = 20;
