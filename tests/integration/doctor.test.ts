import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { startServal } from '../fixtures/serval-process.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { writeFiles, writeTextModel } from '../fixtures/text-model.ts';

const run = promisify(execFile);
const DOCTOR = fileURLToPath(new URL('../../src/doctor.ts', import.meta.url));

interface Report {
  readonly canStart: boolean;
  readonly findings: readonly Finding[];
}

/** What the doctor says as JSON, and its exit code. */
async function examine(settings: Record<string, string>): Promise<Report & { code: number }> {
  const environment = Object.entries({ PORT: '0', CACHE_DIR: 'off', ...settings }).map(([name, value]) => [
    `SERVAL_${name}`,
    value,
  ]);
  const env = { PATH: process.env.PATH, ...Object.fromEntries(environment) };
  const { stdout, code } = await run(process.execPath, [DOCTOR, '--json'], { env }).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    (error: { stdout: string; code: number }) => error,
  );
  return { ...(JSON.parse(stdout) as Report), code };
}

function about(report: Report, name: string): Finding[] {
  return report.findings.filter((finding) => finding.about === name);
}

async function modelsFolder(): Promise<string> {
  const models = await temporaryFolder();
  await writeTextModel(path.join(models, 'tiny'));
  return models;
}

test('where all is well it says so, and exits with 0', async () => {
  const report = await examine({ MODELS: await modelsFolder() });
  expect(report).toMatchObject({ code: 0, canStart: true });
  expect(about(report, 'ONNX Runtime')).toMatchObject([
    { level: 'ok', text: expect.stringMatching(/^\d+\.\d+\.\d+ runs/) },
  ]);
  expect(about(report, 'Models')).toMatchObject([{ level: 'ok', text: expect.stringContaining('tiny/1') }]);
});

test('settings that are wrong keep the server from starting', async () => {
  const report = await examine({ MODELS: await modelsFolder(), WORKERS: 'many', PROT: '80' });
  expect(report).toMatchObject({ code: 1, canStart: false });
  expect(about(report, 'Settings').map(({ level }) => level)).toEqual(['problem', 'problem']);
});

test('a models folder that is not there does, a model that is broken does not', async () => {
  const models = await modelsFolder();
  await writeFiles(path.join(models, 'broken'), { 'model.onnx': 'no model', 'config.json': {} });
  const broken = await examine({ MODELS: models });
  expect(broken.code).toBe(0);
  expect(about(broken, 'Models')).toMatchObject([
    { level: 'ok' },
    { level: 'note', text: expect.stringMatching(/^broken\/1 will not be served: .*model\.onnx/s) },
  ]);
  const missing = await examine({ MODELS: path.join(models, 'nowhere') });
  expect(missing.code).toBe(1);
  expect(about(missing, 'Models')).toMatchObject([{ level: 'problem', remedy: expect.stringContaining('mkdir') }]);
});

test('a port that another program has is a problem; one that this server has is not', async () => {
  const models = await modelsFolder();
  const other = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const taken = await examine({ MODELS: models, PORT: String(port) });
  other.close();
  expect([taken.code, about(taken, 'Port')[0]?.level]).toEqual([1, 'problem']);
  const serval = await startServal({ models, settings: { WORKERS: 1 } });
  try {
    const running = await examine({ MODELS: models, PORT: String(serval.port) });
    expect([running.code, about(running, 'Port')[0]?.text]).toEqual([
      0,
      `a Serval listens at 127.0.0.1:${serval.port}`,
    ]);
  } finally {
    await serval.kill();
  }
});
