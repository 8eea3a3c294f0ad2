import { parseArgs } from 'node:util';

export interface Options {
  readonly rounds: number;
  readonly seconds: number;
  /** How long a server runs before it is measured. */
  readonly warmUpSeconds: number;
  /** Names of targets; null for all. */
  readonly only: readonly string[] | null;
  /** Only scenarios whose names match; closed loops are needed before what depends on capacity. */
  readonly match: RegExp;
  readonly text: boolean;
  readonly images: boolean;
  readonly positionals: readonly string[];
}

/** Until then just-in-time compilers take a good part of the machine, and what they make is slow. */
const WARM_UP_SECONDS = 10;

/** `--rounds N --seconds N --warm-up N --only a,b --match connections --text --images`; without --text and --images both are measured. */
export function parseOptions(defaults: { rounds: number; seconds: number }): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: String(defaults.rounds) },
      seconds: { type: 'string', default: String(defaults.seconds) },
      'warm-up': { type: 'string', default: String(WARM_UP_SECONDS) },
      only: { type: 'string' },
      match: { type: 'string', default: '' },
      text: { type: 'boolean', default: false },
      images: { type: 'boolean', default: false },
    },
  });
  const both = !values.text && !values.images;
  return {
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    warmUpSeconds: positive('warm-up', values['warm-up']),
    only: values.only?.split(',') ?? null,
    match: new RegExp(values.match),
    text: values.text || both,
    images: values.images || both,
    positionals,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0, not "${text}"`);
  return value;
}

/** @throws Error when a name is not one of the targets'. */
export function chosen<Named extends { readonly name: string }>(all: readonly Named[], only: Options['only']): Named[] {
  const unknown = only?.filter((name) => !all.some((target) => target.name === name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`--only ${unknown.join(',')}: there is ${all.map(({ name }) => name).join(', ')}`);
  }
  return all.filter(({ name }) => only === null || only.includes(name));
}
