import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ADVISORIES = '/-/npm/v1/security/advisories/bulk';

interface Audited {
  readonly code: number;
  readonly output: string;
}

/** Runs the audit with npm's own client against a registry that gives these advisories; null gives none, as some do. */
async function audit(advisories: object | null): Promise<Audited> {
  const registry = createServer((request, response) => {
    request.resume();
    const isAsked = request.url === ADVISORIES && advisories !== null;
    response.statusCode = isAsked ? 200 : request.url === ADVISORIES ? 405 : 404;
    response.setHeader('content-type', 'application/json');
    response.end(isAsked ? JSON.stringify(advisories) : '{}');
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void registry.close());
  await new Promise((resolve) => registry.once('listening', resolve));
  const address = registry.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const env = {
    ...process.env,
    npm_config_registry: `http://127.0.0.1:${address.port}/`,
    npm_config_fetch_retries: '0',
  };
  return new Promise((resolve) => {
    execFile(process.execPath, ['audit/run.ts'], { cwd: ROOT, env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });
}

const advisory = {
  id: 1,
  url: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc',
  title: 'Does what it should not',
  severity: 'high',
  vulnerable_versions: '>=0.0.0',
};

test('a vulnerable package that is shipped fails the audit', async () => {
  const { code, output } = await audit({ fastify: [advisory] });
  expect(output).toContain('fastify: Does what it should not (high, GHSA-aaaa-bbbb-cccc)');
  expect(code).toBe(1);
});

test('one that only develops does not', async () => {
  expect(Object.keys(packageJson.devDependencies)).toContain('vitest');
  expect(await audit({ vitest: [advisory] })).toMatchObject({ code: 0 });
});

test('no advisories for any package are a clean audit', async () => {
  expect(await audit({})).toMatchObject({ code: 0, output: expect.stringContaining('no known vulnerability is open') });
});

test('a registry that serves no advisories leaves it open, and says so', async () => {
  expect(await audit(null)).toMatchObject({ code: 3, output: expect.stringContaining('NOT AUDITED') });
});
