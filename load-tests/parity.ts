import { readFileSync, writeFileSync } from 'node:fs';
import { startServal } from '../tests/fixtures/serval-process.ts';
import { measureParity, withParityTable } from './parity-table.ts';

/** `npm run parity`: asks a server for every golden photograph and writes what came out into the model's card. */

const CARD = 'models/imagenet/1/card.md';

const serval = await startServal({ models: 'models' });
try {
  const rows = await measureParity(`${serval.url}/models/imagenet/versions/1`, 'models/imagenet/1');
  writeFileSync(CARD, withParityTable(readFileSync(CARD, 'utf8'), rows));
  console.log(`${rows.length} files, largest difference ${Math.max(...rows.map(({ largestMove }) => largestMove))}`);
} finally {
  await serval.stop();
}
