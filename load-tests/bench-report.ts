import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { report } from './report.ts';
import { plotsOf, writePlots } from './result-plots.ts';
import { readResults } from './results.ts';
import { ROOT } from './serval-target.ts';

/** `npm run bench:report`: docs/benchmarks.md and its plots, from the latest `npm run bench:peers` and `bench:batching`. */

const peers = await readResults('peers');
if (peers === null) throw new Error('there are no results: run npm run bench:peers first');
const docs = path.join(ROOT, 'docs');
const plots = await writePlots(peers, path.join(docs, 'benchmarks'));
const file = path.join(docs, 'benchmarks.md');
await writeFile(file, report({ peers, batching: await readResults('batching') }, plotsOf(peers)));
console.log([file, ...plots].join('\n'));
