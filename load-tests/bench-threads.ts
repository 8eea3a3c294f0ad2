import { Children } from './children.ts';
import { parseOptions } from './options.ts';
import { emptyResults, writeResults } from './results.ts';
import { Rounds } from './rounds.ts';
import { closed } from './scenarios.ts';
import { servalTarget } from './serval-target.ts';
import { printRatios, printResults } from './terminal-table.ts';

/**
 * `npm run bench:threads [-- --rounds N --seconds N --match …]`: what two cores are best given to, at both ends of the
 * load: two workers of one thread, one of two, or two of two. At one connection nothing else is to do.
 */

const { rounds, seconds, warmUpSeconds, match } = parseOptions({ rounds: 5, seconds: 5 });
const children = new Children();
const server = (workers: number, threads: number) =>
  servalTarget({
    name: `${workers}x${threads}`,
    title: `${workers} × ${threads} threads`,
    children,
    settings: { SERVAL_WORKERS: String(workers), SERVAL_WORKER_THREADS: String(threads) },
  });
const targets = [server(2, 1), server(1, 2), server(2, 2)];
const results = emptyResults('threads', { rounds, seconds, targets });
const scenarios = (['text real', 'text long', 'images'] as const)
  .flatMap((work) => [1, 2, 16, 64].map((connections) => closed(work, connections)))
  .filter(({ name }) => match.test(name));
await new Rounds({ targets, kind: 'all', scenarios, rounds, seconds, warmUpSeconds }, results).sideBySide();
printResults(results);
for (const target of ['1x2', '2x2']) printRatios(results, { target, base: '2x1' });
console.log(`\n${await writeResults(results)}`);
