import { readFile, writeFile } from 'node:fs/promises';
import { withTables } from './readme-tables.ts';

/** `npm run readme`: writes the README's tables anew; a test compares them with the committed ones. */
const file = new URL('../README.md', import.meta.url);
await writeFile(file, withTables(await readFile(file, 'utf8')));
