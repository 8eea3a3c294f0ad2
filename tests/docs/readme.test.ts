import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withTables } from '../../docs/readme-tables.ts';
import { type ServalProcess, startServal } from '../fixtures/serval-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const README = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const run = promisify(execFile);

interface Block {
  readonly command: string;
  /** The JSON that the README shows below the command. */
  readonly answer: unknown;
}

/** The README's bash blocks without their lines that clone, install and test, which `.ci/run` runs. */
function commandBlocks(): Block[] {
  const blocks = README.matchAll(/^ *```bash\n([\s\S]*?)\n *```(?:\n+ *```json\n([\s\S]*?)\n *```)?/gm);
  return [...blocks]
    .map(([, text = '', json]) => ({
      command: text
        .split('\n')
        .filter((line) => !/^ *(git clone|npm ci)\b/.test(line))
        .join('\n'),
      answer: json === undefined ? undefined : (JSON.parse(json) as unknown),
    }))
    .filter(({ command }) => command.trim() !== '');
}

let serval: ServalProcess;

beforeAll(async () => {
  serval = await startServal({ models: 'models' });
});

afterAll(async () => {
  await serval.kill();
});

/** Digits that depend on the machine's arithmetic, and ids, are not compared. */
function comparable(answer: unknown): unknown {
  const text = JSON.stringify(answer, (key, value: unknown) => {
    if (key === 'id') return 'any';
    return key === 'score' ? Math.round(Number(value) * 100) / 100 : value;
  });
  return JSON.parse(text) as unknown;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** What a block leaves running ends with it, even where it fails. */
const CLEAN_UP = `trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\ntrap 'exit 1' TERM\n`;
const LIMIT_MS = 50_000;

test.each(commandBlocks())(
  'this command works: $command',
  { timeout: LIMIT_MS + 5_000 },
  async ({ command, answer }) => {
    const script = command.replaceAll(':8080', `:${serval.port}`).replaceAll('8090', String(await freePort()));
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', CLEAN_UP + script], {
      cwd: ROOT,
      timeout: LIMIT_MS,
    });
    expect(stdout.trim()).not.toBe('');
    if (script.startsWith('curl -s ') && answer === undefined) expect(stdout).not.toContain('"statusCode"');
    if (answer !== undefined) expect(comparable(JSON.parse(stdout))).toEqual(comparable(answer));
  },
);

test('the README has commands to run, and answers to compare', () => {
  const blocks = commandBlocks();
  expect(blocks.length).toBeGreaterThanOrEqual(8);
  expect(blocks.filter(({ answer }) => answer !== undefined).length).toBeGreaterThanOrEqual(3);
});

test('the tables are the code’s; `npm run readme` writes them', () => {
  expect(withTables(README)).toBe(README);
});

test('every file and folder that it links to is there', async () => {
  const links = [...README.matchAll(/\]\((?!http)([^)#]+)\)/g)].map(([, link = '']) => link);
  expect(links.length).toBeGreaterThan(3);
  for (const link of links) await expect(readFile(new URL(`../../${link}`, import.meta.url))).resolves.toBeDefined();
});
