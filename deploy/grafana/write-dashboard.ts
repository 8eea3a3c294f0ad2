import { writeFile } from 'node:fs/promises';
import { dashboard } from './dashboard.ts';

/** `npm run dashboard`: writes the JSON that Grafana reads; a test compares it with the committed one. */
const file = new URL('dashboards/serval.json', import.meta.url);
await writeFile(file, `${JSON.stringify(dashboard(), null, 2)}\n`);
