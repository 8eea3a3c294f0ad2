import { availableParallelism, homedir } from 'node:os';
import path from 'node:path';
import type { z } from 'zod';
import { SETTINGS } from './settings.ts';

type Settings = typeof SETTINGS;
export type SettingName = keyof Settings;

type ParsedSettings = { readonly [Name in SettingName]: z.output<Settings[Name]['schema']> };

/** The settings, parsed and frozen: `workers` as a number of processes, `cacheDir` as an absolute folder, null for none. */
export type Config = Readonly<
  Omit<ParsedSettings, 'workers' | 'cacheDir'> & { workers: number; cacheDir: string | null }
>;

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
 * @throws ConfigError naming every variable that is unknown or has a value that is not usable.
 */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
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
      problems.push(`${variableName(name)}${shown}: ${parsed.error.issues.map(issueText).join('; ')}`);
    }
  }
  if ((values.tlsCert === null) !== (values.tlsKey === null)) {
    problems.push('SERVAL_TLS_CERT and SERVAL_TLS_KEY: set both, or none');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  // Each value came out of the schema that the type is made from.
  const parsed = values as ParsedSettings;
  const workers = parsed.workers === 'auto' ? availableParallelism() : parsed.workers;
  return Object.freeze({ ...parsed, workers, cacheDir: cacheFolder(parsed.cacheDir, environment) });
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

function issueText(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_union' ? 'must be auto or a whole number of at least 1' : issue.message;
}
