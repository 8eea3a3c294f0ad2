import { bareTarget } from './bare-target.ts';
import { Children } from './children.ts';
import { chosen, parseOptions } from './options.ts';
import { peerTargets } from './peer-target.ts';
import { plotsOf, writePlots } from './result-plots.ts';
import { emptyResults, writeResults } from './results.ts';
import { BOUND, Rounds } from './rounds.ts';
import { peerScenarios } from './scenarios.ts';
import { servalTarget } from './serval-target.ts';
import { printResults } from './terminal-table.ts';

/**
 * `npm run bench:peers [-- --rounds N --seconds N --only bare,serval,fastapi --match connections --text --images]`: the same work against
 * Serval, what people use instead, and bare processes, in turn.
 */

const { rounds, seconds, warmUpSeconds, only, text, images, match } = parseOptions({ rounds: 5, seconds: 5 });
const children = new Children();
const targets = chosen(
  [
    // The bound first: overloads are multiples of its rate.
    bareTarget({ name: BOUND, title: 'Bare processes × 2, encode and run', children, isRunOnly: false }),
    bareTarget({ name: 'bare-run', title: 'Bare processes × 2, run only', children, isRunOnly: true }),
    servalTarget({ name: 'serval', title: 'Serval', children }),
    ...peerTargets(children),
  ],
  only,
);
for (const target of targets) {
  console.log(`installing what is missing of ${target.title} …`);
  await target.install();
}
const results = emptyResults('peers', { rounds, seconds, targets });
const works = [
  ...(text ? ([['text', 'text real']] as const) : []),
  ...(images ? ([['images', 'images']] as const) : []),
];
for (const [kind, work] of works) {
  console.log(`\n${work}:`);
  const scenarios = peerScenarios(work).filter(({ name }) => match.test(name));
  await new Rounds({ targets, kind, scenarios, rounds, seconds, warmUpSeconds }, results).inTurn();
  // An interrupted run keeps what it has.
  await writeResults(results);
}
printResults(results);
console.log(`\n${await writeResults(results)}\n${(await writePlots(plotsOf(results))).join('\n')}`);
