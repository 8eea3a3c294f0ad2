import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const LOGGER = new URL('../../src/observability/logger.ts', import.meta.url).href;
/** Logs and ends when it is told to. */
const PROGRAM = `
  const { createLogger, flushed } = await import(${JSON.stringify(LOGGER)});
  const logger = createLogger({ logLevel: 'info', logFormat: 'json' });
  process.stdin.once('data', async () => {
    logger.info('the last words');
    await flushed(logger);
    process.exit(0);
  });
  process.stderr.write('listening');`;

async function program() {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], { stdio: 'pipe' });
  await once(child.stderr, 'data');
  return child;
}

test('the last lines are written before the process ends', async () => {
  const child = await program();
  let log = '';
  child.stdout.on('data', (chunk) => {
    log += chunk;
  });
  child.stdin.write('end');
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  expect(log).toContain('the last words');
});

test('the process ends though nobody reads its log any more', async () => {
  const child = await program();
  child.stdout.destroy();
  await once(child.stdout, 'close');
  child.stdin.write('end');
  const ended = once(child, 'exit').then(([code]) => code);
  const timer = setTimeout(() => child.kill('SIGKILL'), 4_000);
  expect(await ended).toBe(0);
  clearTimeout(timer);
});
