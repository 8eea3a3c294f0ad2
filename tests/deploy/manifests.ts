import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

/** The parts of Kubernetes' and KServe's objects that deploy/ uses and the tests look into. */
export interface Container {
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources: {
    readonly requests: { readonly cpu: string; readonly memory: string };
    readonly limits: Readonly<Record<string, string>>;
  };
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number };
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}

/** A file of deploy/. */
export function deployed(name: string): string {
  return readFileSync(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');
}

/** The first object of a kind in a file of deploy/. @throws Error where there is none. */
// biome-ignore lint/suspicious/noExplicitAny: objects of every kind
export function manifest(name: string, kind: string): any {
  const found = parseAllDocuments(deployed(name)).find((document) => document.get('kind') === kind);
  if (found === undefined) throw new Error(`${name} has no ${kind}`);
  return found.toJS();
}

/** The variables that a container sets itself, without those that come from a secret. */
export function environmentOf({ env }: Container): Record<string, string> {
  return Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
}

/** `2Gi` in bytes. */
export function bytesOf(quantity: string): number {
  const [, number, unit = ''] = /^(\d+)(Ki|Mi|Gi)?$/.exec(quantity) ?? [];
  if (number === undefined) throw new Error(`not a quantity of memory: ${quantity}`);
  return Number(number) * 1024 ** ['', 'Ki', 'Mi', 'Gi'].indexOf(unit);
}
