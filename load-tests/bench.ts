import { bareTarget } from './bare-target.ts';
import { Children } from './children.ts';
import { parseOptions } from './options.ts';
import { plotsOf, writePlots } from './result-plots.ts';
import { emptyResults, writeResults } from './results.ts';
import { BOUND, Rounds } from './rounds.ts';
import { benchScenarios } from './scenarios.ts';
import { servalTarget } from './serval-target.ts';
import { printResults } from './terminal-table.ts';

/** `npm run bench [-- --rounds N --seconds N --text --images]`: Serval with the bundled models, beside bare processes. */

const { rounds, seconds, warmUpSeconds, text, images, match } = parseOptions({ rounds: 3, seconds: 5 });
const children = new Children();
const targets = [
  // The bound first: overloads are multiples of its rate.
  bareTarget({ name: BOUND, title: 'Bare processes × 2', children, isRunOnly: false }),
  servalTarget({ name: 'serval', title: 'Serval', children }),
];
const results = emptyResults('bench', { rounds, seconds, targets });
const scenarios = benchScenarios({ text, images }).filter(({ name }) => match.test(name));
await new Rounds(
  { targets, kind: text ? 'all' : 'images', scenarios, rounds, seconds, warmUpSeconds },
  results,
).inTurn();
printResults(results);
console.log(`\n${await writeResults(results)}\n${(await writePlots(plotsOf(results))).join('\n')}`);
