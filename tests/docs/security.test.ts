import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { freePort } from '../../load-tests/free-port.ts';
import { variableName } from '../../src/config.ts';
import { ERROR_TABLE } from '../../src/errors.ts';
import { SETTINGS } from '../../src/settings.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = Object.fromEntries(
  await Promise.all(
    ['SECURITY.md', 'docs/security.md'].map(async (name) => [name, await readFile(`${ROOT}${name}`, 'utf8')] as const),
  ),
) as Readonly<Record<string, string>>;
const PAGE = PAGES['docs/security.md'] ?? '';
const run = promisify(execFile);
const LIMIT_MS = 50_000;
const CLEAN_UP = `trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\ntrap 'exit 1' TERM\n`;

/** Runs the page's block that holds a text. */
async function runBlock(part: string): Promise<string> {
  const blocks = [...PAGE.matchAll(/^```bash\n([\s\S]*?)\n```/gm)].map(([, text = '']) => text);
  const block = blocks.find((text) => text.includes(part)) ?? expect.fail(`no block with ${part}`);
  const script = CLEAN_UP + block.replaceAll('8090', String(await freePort()));
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], { cwd: ROOT, timeout: LIMIT_MS });
  return stdout;
}

describe('the commands of docs/security.md work', { timeout: LIMIT_MS + 5_000 }, () => {
  test('keys are made, and let in', async () => {
    const answer = await runBlock('npm run --silent key');
    expect(answer).toContain('HTTP/1.1 200 OK');
    expect(answer).toContain('ratelimit-policy: "rate";q=100;w=2');
    expect(answer).toContain('"positive"');
  });

  // Not every machine has it, and nothing else here needs it.
  const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
  test.skipIf(!hasOpenssl)('TLS is spoken', async () => {
    expect(await runBlock('openssl req')).toContain('"served_version"');
  });
});

test('every code of a key is on the page', () => {
  const codes = Object.keys(ERROR_TABLE).filter((code) => /^SERVAL_(KEY_|RATE_LIMITED|QUOTA_)/.test(code));
  expect(codes).toHaveLength(7);
  for (const code of codes) expect(PAGE).toContain(code);
});

test.each(Object.entries(PAGES))('%s names only settings and files that are there', async (name, text) => {
  const known = new Set<string>([...Object.keys(SETTINGS).map(variableName), ...Object.keys(ERROR_TABLE)]);
  const named = [...text.matchAll(/\bSERVAL_[A-Z_]*[A-Z]\b(?![{_])/g)].map(([variable]) => variable);
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((variable) => !known.has(variable))).toEqual([]);
  const base = new URL(name, `file://${ROOT}`);
  const links = [...text.matchAll(/\]\((?!http|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
  for (const link of links) await expect(readFile(new URL(link, base))).resolves.toBeDefined();
});
