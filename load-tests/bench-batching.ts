import { Children } from './children.ts';
import { MIXES } from './mixes.ts';
import { parseOptions } from './options.ts';
import { emptyResults, writeResults } from './results.ts';
import { Rounds } from './rounds.ts';
import { atLoad, closed } from './scenarios.ts';
import { servalTarget } from './serval-target.ts';
import { printRatios, printResults } from './terminal-table.ts';

/** `npm run bench:batching [-- --rounds N --seconds N]`: batches of up to 16 against none, on each mix of lengths. */

const { rounds, seconds, warmUpSeconds, match } = parseOptions({ rounds: 5, seconds: 5 });
const children = new Children();
const server = (name: string, title: string, items: string) =>
  servalTarget({ name, title, children, settings: { SERVAL_MAX_BATCH_ITEMS: items } });
const targets = [server('on', 'Batches of up to 16', '16'), server('off', 'No batches', '1')];
const results = emptyResults('batching', { rounds, seconds, targets });
const scenarios = [
  ...MIXES.flatMap((mix) => [closed(`text ${mix}`, 16), closed(`text ${mix}`, 64)]),
  // The same load for both.
  atLoad('text real', 0.8, 'bound'),
].filter(({ name }) => match.test(name));
await new Rounds(
  { targets, kind: 'text', scenarios, rounds, seconds, warmUpSeconds, bound: 'off' },
  results,
).sideBySide();
printResults(results);
printRatios(results, { target: 'on', base: 'off' });
console.log(`\n${await writeResults(results)}`);
