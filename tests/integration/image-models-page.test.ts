import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeImageModel } from '../fixtures/image-model.ts';
import { type PredictResponse, type ServalProcess, startServal } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';

/** Does what docs/image-models.md says: its JSON blocks are the folder's files, its sh blocks are run. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const GOLDEN = path.join(ROOT, 'models/imagenet/1/golden');

let folder: string;
let serval: ServalProcess;
let commands: string[];

function blocks(page: string, language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);
}

beforeAll(async () => {
  folder = await makeFolder();
  const page = await readFile(path.join(ROOT, 'docs/image-models.md'), 'utf8');
  const [config = '', preprocessor = ''] = blocks(page, 'json');
  commands = blocks(page, 'sh');
  await writeImageModel(path.join(folder, 'models/flowers'), {
    graph: { side: 224 },
    files: { 'config.json': config, 'preprocessor_config.json': preprocessor },
  });
  await copyFile(path.join(GOLDEN, 'coffee.jpg'), path.join(folder, 'photo.jpg'));
  await copyFile(path.join(GOLDEN, 'chelsea.png'), path.join(folder, 'other.png'));
  serval = await startServal({ models: path.join(folder, 'models') });
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(folder);
});

async function run(command: string): Promise<PredictResponse> {
  const { stdout } = await promisify(execFile)('sh', ['-c', command.replaceAll('http://127.0.0.1:8080', serval.url)], {
    cwd: folder,
  });
  return JSON.parse(stdout) as PredictResponse;
}

describe('docs/image-models.md', () => {
  test('has a folder that is served', async () => {
    const { body } = await serval.get('/models/flowers');
    expect(body).toMatchObject({ versions: [{ state: 'ready', labels: ['daisy', 'rose', 'tulip'] }] });
  });

  test('has three ways to ask, which give the same scores', async () => {
    expect(commands).toHaveLength(3);
    const answers: PredictResponse[] = [];
    for (const command of commands) answers.push(await run(command));
    const [raw, form, json] = answers.map(({ predictions }) => predictions);
    expect(raw?.[0]?.scores).toHaveLength(3);
    expect(json).toEqual(raw);
    expect(form).toHaveLength(2);
    expect(form?.[0]).toEqual({ ...raw?.[0], scores: raw?.[0]?.scores.slice(0, 1) });
  });
});
