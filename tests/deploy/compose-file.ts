import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ROOT } from './dockerfile.ts';

/** What the tests read of a service. */
export interface Service {
  readonly image?: string;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly command?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly mem_limit?: string;
  readonly pids_limit?: number;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

export const COMPOSE_FILES = ['docker-compose.yml', 'docker-compose.cuda.yml'] as const;

export function composeFile(name: (typeof COMPOSE_FILES)[number] = 'docker-compose.yml'): ComposeFile {
  return parse(readFileSync(`${ROOT}${name}`, 'utf8'), { merge: true }) as ComposeFile;
}

export function serviceOf(name: string): Service {
  const service = composeFile().services[name];
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return service;
}
