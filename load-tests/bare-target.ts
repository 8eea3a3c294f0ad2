import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { LoopOrder, LoopReport } from './bare/loop.ts';
import type { Children } from './children.ts';
import { freePort } from './free-port.ts';
import { spread } from './http-target.ts';
import { runOpenLoop } from './open-loop.ts';
import { usageOf } from './process-tree.ts';
import { LOGS, ROOT, toServalRequest } from './serval-target.ts';
import type { Figures, Kind, Order, RunningTarget, Target } from './target.ts';

const PROCESSES = 2;
const FOLDERS: Readonly<Record<Kind, string>> = {
  text: 'models/sentiment/2',
  images: 'models/imagenet/1',
  all: 'models/sentiment/2',
};

export interface BareOptions {
  readonly name: string;
  readonly title: string;
  readonly children: Children;
  /** Whether inputs are encoded before the clock runs. */
  readonly isRunOnly: boolean;
}

/** Two bare processes with no server around them: what the machine can do one item at a time. */
export function bareTarget(options: BareOptions): Target {
  const { name, title } = options;
  return {
    name,
    title,
    kinds: ['text', 'images', 'all'],
    install: async () => {},
    start: (kind) => start(options, kind),
  };
}

async function start({ name, children, isRunOnly }: BareOptions, kind: Kind): Promise<RunningTarget> {
  const begun = performance.now();
  const startChild = (script: string, args: string[], log: string) =>
    children.start({
      command: process.execPath,
      args: [path.join(ROOT, 'load-tests/bare', script), ...args],
      cwd: ROOT,
      logFile: path.join(LOGS, `${log}.log`),
      ipc: true,
    });
  const loops = Array.from({ length: PROCESSES }, (_, at) =>
    startChild('loop.ts', [FOLDERS[kind], ...(isRunOnly ? ['run-only'] : [])], `${name}-${at}`),
  );
  await Promise.all(loops.map(nextMessage));
  const startUpSeconds = (performance.now() - begun) / 1000;

  async function measure(order: Order): Promise<Figures> {
    const { load } = order.scenario;
    // The processes hold one model.
    if ((order.work.name === 'images') !== (kind === 'images') || order.work.name === 'mixed') return {};
    if (load.type === 'closed')
      return load.connections === 1 ? await run(order, loops.slice(0, 1)) : await run(order, loops);
    // Below saturation a loop has no latency of its own to tell.
    return load.times > 1 && !isRunOnly ? await beside(order, (load.times - 1) * order.capacity) : {};
  }

  /** The bound of an overload: the loops run while something else refuses the rest of the flood. */
  async function beside(order: Order, rate: number): Promise<Figures> {
    const { load } = order.scenario;
    if (load.type !== 'open') throw new Error('This is a bug: a closed loop has no excess');
    const port = await freePort();
    const refuser = startChild('refuser.ts', [String(port)], 'refuser');
    await nextMessage(refuser);
    const input = order.work.input(0, 0);
    const request = toServalRequest(input, { deadlineMs: load.deadlineMs });
    const flood = runOpenLoop({
      host: '127.0.0.1',
      port,
      request: () => request,
      rate,
      seconds: order.seconds,
      ...load,
      seed: order.round + 1,
      check: () => {},
    });
    const [figures, { refusalP99Ms }] = await Promise.all([run(order, loops), flood]);
    await children.stop(refuser);
    return { offered: rate + order.capacity, goodput: figures.rate ?? Number.NaN, refusalP99Ms };
  }

  return {
    startUpSeconds,
    measure,
    stop: async () => void (await Promise.all(loops.map((loop) => children.stop(loop)))),
  };
}

async function run({ work, seconds, round }: Order, loops: readonly ChildProcess[]): Promise<Figures> {
  const places = spread(work.size);
  const reports = await Promise.all(
    loops.map(async (loop, at) => {
      const shift = round * 37;
      const own = places.filter((_, index) => index % loops.length === at);
      const order: LoopOrder = {
        work: work.name,
        seconds,
        places: [...own.slice(shift % own.length), ...own.slice(0, shift % own.length)],
      };
      loop.send(order);
      return (await nextMessage(loop)) as LoopReport;
    }),
  );
  const sum = (of: (report: LoopReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const pss = await Promise.all(loops.map(({ pid }) => usageOf(pid ?? 0)));
  return {
    rate: sum(({ items, seconds: took }) => items / took),
    p50Ms: sum(({ p50Ms }) => p50Ms) / reports.length,
    p99Ms: Math.max(...reports.map(({ p99Ms }) => p99Ms)),
    cpuMs: (1000 * sum(({ cpuSeconds }) => cpuSeconds)) / sum(({ items }) => items),
    pssMb: pss.reduce((total, { pssBytes }) => total + pssBytes, 0) / 1e6,
  };
}

/** @throws Error when the process ends first. */
async function nextMessage(child: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const ended = once(child, 'exit', { signal: over.signal }).then(() => {
    throw new Error('a bare process ended; see its log');
  });
  ended.catch(() => {});
  const message = once(child, 'message', { signal: over.signal }).then(([value]) => value as unknown);
  try {
    return await Promise.race([message, ended]);
  } finally {
    over.abort();
    message.catch(() => {});
  }
}
