import { access } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { cudaLibrary } from '../../src/workers/execution-provider.ts';
import { startServal } from '../fixtures/serval-process.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

const hasLibrary = await access(cudaLibrary()).then(
  () => true,
  () => false,
);

test.skipIf(hasLibrary)(
  'CUDA that is asked for and not there: one line of warning, and all runs on the CPU',
  async () => {
    const models = await temporaryFolder();
    await writeTextModel(path.join(models, 'tiny'));
    const serval = await startServal({ models, settings: { EXECUTION_PROVIDER: 'cuda', MAX_BATCH_ITEMS: 'auto' } });
    try {
      const warnings = serval.records.filter(({ level }) => level >= 40);
      expect(warnings).toMatchObject([
        {
          msg: 'CUDA cannot be used, all runs on the CPU: npm run doctor says what is missing',
          reason: 'it is not installed',
        },
      ]);
      const { body } = await serval.get('/models/tiny');
      expect(body).toMatchObject({ versions: [{ state: 'ready', execution_provider: 'cpu' }] });
      expect(await serval.metric('serval_execution_provider{model="tiny",version="1",provider="cpu"}')).toBe(2);
      expect((await serval.predict({ inputs: 'good film' })).predictions[0]?.label).toBe('positive');
    } finally {
      await serval.kill();
    }
  },
);
