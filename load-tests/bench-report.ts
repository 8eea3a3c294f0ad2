import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { report } from './report.ts';
import { plotsOf, writePlots } from './result-plots.ts';
import { RESULTS, readResults, readRun } from './results.ts';
import { ROOT } from './serval-target.ts';

/**
 * `npm run bench:report [-- results/peers-….json …]`: docs/benchmarks.md and its plots, from the latest `npm run bench:peers`, or
 * from several of its runs, and the latest `bench:batching`.
 */

const files = process.argv.slice(2);
const runs = files.length === 0 ? [await readResults('peers')] : await Promise.all(files.map(readRun));
const peers = runs.filter((run) => run !== null);
if (peers.length === 0) throw new Error(`there are no results in ${RESULTS}: run npm run bench:peers first`);
const docs = path.join(ROOT, 'docs');
// Of several runs with the same work the first one is drawn.
const plots = [
  ...new Map(
    peers
      .toReversed()
      .flatMap(plotsOf)
      .map((plot) => [plot.name, plot]),
  ).values(),
];
const written = await writePlots(plots, path.join(docs, 'benchmarks'));
const file = path.join(docs, 'benchmarks.md');
await writeFile(file, report({ peers, batching: await readResults('batching') }, plots));
console.log([file, ...written].join('\n'));
