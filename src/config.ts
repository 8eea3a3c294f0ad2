import { homedir } from 'node:os';
import path from 'node:path';
import type { z } from 'zod';
import { type Machine, readMachine, usableCores, usableMemoryBytes } from './machine/machine.ts';
import { SETTINGS } from './settings.ts';

type Settings = typeof SETTINGS;
export type SettingName = keyof Settings;

type ParsedSettings = { readonly [Name in SettingName]: z.output<Settings[Name]['schema']> };

/** Settings whose `auto` is worked out here, so that nobody else has to know it. */
interface WorkedOut {
  /** Processes. */
  readonly workers: number;
  /** Whether `workers` was left to the server. */
  readonly isWorkersAuto: boolean;
  /** Threads of a batch that nothing runs beside. */
  readonly loneThreads: number;
  /** An absolute folder; null for none. */
  readonly cacheDir: string | null;
  readonly maxReceivingBytes: number;
  readonly maxQueueBytes: number;
}

/** The settings, parsed and frozen. */
export type Config = Readonly<Omit<ParsedSettings, keyof WorkedOut> & WorkedOut>;

/** What runs a version's graph. */
export type ExecutionProvider = 'cpu' | 'cuda';

/** The most that a batch may hold. */
export interface BatchBounds {
  readonly maxBatchItems: number;
  /** Of an image model. */
  readonly maxBatchImages: number;
  /** Padding included; one item alone may have more. */
  readonly maxBatchTokens: number;
}

/** On a GPU a batch costs little more than an item until its cores are all busy; on a CPU there is nothing to gain beyond. */
const AUTO_BOUNDS: Readonly<Record<ExecutionProvider, BatchBounds>> = {
  cpu: { maxBatchItems: 16, maxBatchImages: 2, maxBatchTokens: 512 },
  cuda: { maxBatchItems: 128, maxBatchImages: 32, maxBatchTokens: 16_384 },
};

/** The bounds of a version's batches, by what it runs on. */
export function batchBoundsOn(
  provider: ExecutionProvider,
  { maxBatchItems, maxBatchImages, maxBatchTokens }: Pick<Config, keyof BatchBounds>,
): BatchBounds {
  const auto = AUTO_BOUNDS[provider];
  return {
    maxBatchItems: maxBatchItems === 'auto' ? auto.maxBatchItems : maxBatchItems,
    maxBatchImages: maxBatchImages === 'auto' ? auto.maxBatchImages : maxBatchImages,
    maxBatchTokens: maxBatchTokens === 'auto' ? auto.maxBatchTokens : maxBatchTokens,
  };
}

/** More were not measured. */
const LONE_THREADS = 2;
/** Where memory is short, bodies and queue may each take this share of it; workers and models need the rest. */
const MEMORY_SHARE = 1 / 8;
const MOST_BYTES = 256_000_000;

/** SERVAL_MAX_INPUTS for maxInputs. */
export function variableName(name: string): string {
  return `SERVAL_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Thrown when SERVAL_* variables are wrong; the message names all of them. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration has ${problems.length} problem(s):\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Parses the SERVAL_* variables, once, at start.
 * @param machine what `auto` is worked out from.
 * @throws ConfigError naming every variable that is unknown or has a value that is not usable.
 */
export function parseConfig(
  environment: Readonly<Record<string, string | undefined>>,
  machine: Machine = readMachine(),
): Config {
  const problems: string[] = [];
  const known = new Set(Object.keys(SETTINGS).map(variableName));
  for (const variable of Object.keys(environment)) {
    if (variable.startsWith('SERVAL_') && !known.has(variable)) problems.push(`${variable}: no such setting`);
  }
  const values: Record<string, unknown> = {};
  for (const [name, { schema, fallback, unit }] of Object.entries(SETTINGS)) {
    const text = environment[variableName(name)] ?? fallback;
    const parsed = schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else {
      // Where this is shown, and kept, a secret has no place.
      const shown = unit === 'secret' ? '' : `="${text}"`;
      problems.push(`${variableName(name)}${shown}: ${parsed.error.issues.map(({ message }) => message).join('; ')}`);
    }
  }
  if ((values.tlsCert === null) !== (values.tlsKey === null)) {
    problems.push('SERVAL_TLS_CERT and SERVAL_TLS_KEY: set both, or none');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  // Each value came out of the schema that the type is made from.
  const parsed = values as ParsedSettings;
  const { workers, loneThreads, maxReceivingBytes, maxQueueBytes } = parsed;
  const fewBytes = Math.min(MOST_BYTES, Math.floor(usableMemoryBytes(machine) * MEMORY_SHARE));
  return Object.freeze({
    ...parsed,
    workers: workers === 'auto' ? usableCores(machine) : workers,
    isWorkersAuto: workers === 'auto',
    loneThreads: loneThreads === 'auto' ? Math.min(LONE_THREADS, usableCores(machine)) : loneThreads,
    cacheDir: cacheFolder(parsed.cacheDir, environment),
    maxReceivingBytes: maxReceivingBytes === 'auto' ? fewBytes : maxReceivingBytes,
    maxQueueBytes: maxQueueBytes === 'auto' ? fewBytes : maxQueueBytes,
  });
}

/** As the XDG base directory specification has it; where there is no home there is no cache. */
function cacheFolder(text: string, { XDG_CACHE_HOME: caches = '' }: Readonly<Record<string, string | undefined>>) {
  if (text === 'off') return null;
  if (text !== 'auto') return path.resolve(text);
  try {
    return path.join(path.isAbsolute(caches) ? caches : path.join(homedir(), '.cache'), 'serval');
  } catch {
    return null;
  }
}
