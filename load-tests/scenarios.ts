import type { WorkName } from './work.ts';

/** How requests are sent. */
export type Load =
  /** Each connection sends its next request when the last one was answered. */
  | { readonly type: 'closed'; readonly connections: number }
  /** Requests come when they come, at so many times the capacity. */
  | {
      readonly type: 'open';
      readonly times: number;
      /** `own`: the target's best closed-loop rate of this round; `bound`: that of the plan's bound, if it runs (the bare processes). */
      readonly of: 'own' | 'bound';
      readonly deadlineMs: number;
      readonly newConnectionShare: number;
    };

export interface Scenario {
  readonly name: string;
  readonly work: WorkName;
  readonly load: Load;
}

/** A deadline that nothing below saturation comes near. */
const NO_DEADLINE_MS = 30_000;
const OVERLOAD_DEADLINE_MS = 500;

export function closed(work: WorkName, connections: number): Scenario {
  return { name: `${work}, ${connections} connections`, work, load: { type: 'closed', connections } };
}

/** Below saturation: each target's own, or that of the one that is the bound. */
export function atLoad(work: WorkName, times: number, of: 'own' | 'bound' = 'own'): Scenario {
  return {
    name: `${work}, ${times} of capacity`,
    work,
    load: { type: 'open', times, of, deadlineMs: NO_DEADLINE_MS, newConnectionShare: 0 },
  };
}

/** Far above it: every server gets the same flood, half of it on new connections. */
export function overload(work: WorkName, times: number): Scenario {
  return {
    name: `${work}, ${times} × overload`,
    work,
    load: { type: 'open', times, of: 'bound', deadlineMs: OVERLOAD_DEADLINE_MS, newConnectionShare: 0.5 },
  };
}

export function isOverload({ load }: Scenario): boolean {
  return load.type === 'open' && load.times > 1;
}

/** `npm run bench`: everything about one server. */
export function benchScenarios(kinds: { text: boolean; images: boolean }): Scenario[] {
  const works: WorkName[] = [
    ...(kinds.text ? (['text short', 'text real', 'text long'] as const) : []),
    ...(kinds.images ? (['images'] as const) : []),
    ...(kinds.text && kinds.images ? (['mixed'] as const) : []),
  ];
  const main: WorkName = kinds.text ? 'text real' : 'images';
  return [
    ...works.flatMap((work) => [1, 16, 64].map((connections) => closed(work, connections))),
    ...[0.2, 0.4, 0.6, 0.8, 0.9].map((times) => atLoad(main, times)),
    ...[2, 5, 10].map((times) => overload(main, times)),
  ];
}

/** `npm run bench:peers`: what the peers are compared by. */
export function peerScenarios(work: WorkName): Scenario[] {
  return [
    closed(work, 1),
    closed(work, 16),
    closed(work, 64),
    atLoad(work, 0.8),
    ...[2, 5, 10].map((times) => overload(work, times)),
  ];
}
