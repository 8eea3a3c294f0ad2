import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describeMachine, type Machine } from './machine.ts';
import { ROOT } from './serval-target.ts';

/** One measured value. */
export interface Sample {
  readonly target: string;
  /** Name of the scenario; `start-up` for what is measured once a start. */
  readonly scenario: string;
  readonly figure: string;
  readonly round: number;
  /** Null where there was nothing to measure. */
  readonly value: number | null;
}

/** A run, as it is kept. */
export interface Results {
  readonly kind: 'bench' | 'peers' | 'compare' | 'batching' | 'threads';
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  /** Names and titles, in order. */
  readonly targets: readonly { readonly name: string; readonly title: string }[];
  readonly samples: Sample[];
  /** Runs that failed, and why; they have no samples. */
  readonly failures: string[];
}

export const RESULTS = path.join(ROOT, 'load-tests/results');

export function emptyResults(
  kind: Results['kind'],
  { rounds, seconds, targets }: Pick<Results, 'rounds' | 'seconds' | 'targets'>,
): Results {
  return {
    kind,
    date: new Date().toISOString(),
    command: `npm run ${kind === 'bench' ? 'bench' : `bench:${kind}`} -- ${process.argv.slice(2).join(' ')}`.replace(
      / -- $/,
      '',
    ),
    machine: describeMachine(),
    rounds,
    seconds,
    targets: targets.map(({ name, title }) => ({ name, title })),
    samples: [],
    failures: [],
  };
}

/** @returns the file: results/<kind>.json, the latest run of its kind. */
export async function writeResults(results: Results): Promise<string> {
  await mkdir(RESULTS, { recursive: true });
  const text = `${JSON.stringify(results, null, 1)}\n`;
  const file = path.join(RESULTS, `${results.kind}.json`);
  await writeFile(file, text);
  await writeFile(path.join(RESULTS, `${results.kind}-${results.date.replaceAll(':', '-').slice(0, 19)}.json`), text);
  return file;
}

/** @returns null where there was no such run. */
export async function readResults(kind: Results['kind']): Promise<Results | null> {
  return await readRun(path.join(RESULTS, `${kind}.json`)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}

/** A run that was kept. */
export async function readRun(file: string): Promise<Results> {
  return JSON.parse(await readFile(file, 'utf8')) as Results;
}

/** The values of a figure, one a round. */
export function valuesOf(
  { samples }: Pick<Results, 'samples'>,
  { target, scenario, figure }: Pick<Sample, 'target' | 'scenario' | 'figure'>,
): number[] {
  return samples
    .filter((sample) => sample.target === target && sample.scenario === scenario && sample.figure === figure)
    .flatMap(({ value }) => (value === null ? [] : [value]));
}

/** One ratio a round, of two targets in the same scenario: what interleaving is for. */
export function ratiosOf(
  { samples }: Pick<Results, 'samples'>,
  { target, base, scenario, figure }: { target: string; base: string; scenario: string; figure: string },
): number[] {
  const roundValue = (name: string, round: number) =>
    samples.find((s) => s.target === name && s.scenario === scenario && s.figure === figure && s.round === round)
      ?.value;
  const rounds = [...new Set(samples.map(({ round }) => round))];
  return rounds.flatMap((round) => {
    const [value, baseValue] = [roundValue(target, round), roundValue(base, round)];
    return value == null || baseValue == null ? [] : [value / baseValue];
  });
}
