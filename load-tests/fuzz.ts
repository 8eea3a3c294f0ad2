import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startServal } from '../tests/fixtures/serval-process.ts';

/**
 * `node load-tests/fuzz.ts <schemathesis> [seconds]`: requests made up from the OpenAPI document, right and wrong ones,
 * never get a 5xx, nor an answer that the document does not describe.
 */

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
];
const EXAMPLES = 50;
/** So that a failure can be seen again. */
const SEED = 20_261;

const [schemathesis = 'schemathesis', seconds = '90'] = process.argv.slice(2);
const serval = await startServal({ models: 'models', settings: { WORKERS: 'auto', LOG_LEVEL: 'info' } });
try {
  const run = spawn(
    schemathesis,
    [
      `--config-file=${fileURLToPath(new URL('schemathesis.toml', import.meta.url))}`,
      'run',
      `${serval.url}/openapi.json`,
      `--checks=${CHECKS.join(',')}`,
      '--phases=examples,coverage,fuzzing',
      `--max-examples=${EXAMPLES}`,
      `--max-time=${seconds}`,
      `--seed=${SEED}`,
      '--warnings=off',
      '--no-color',
    ],
    { stdio: 'inherit' },
  );
  const [code] = (await once(run, 'exit')) as [number | null];
  const bugs = serval.logged('request failed');
  for (const bug of bugs) console.error('FAILED: the log has', JSON.stringify(bug));
  process.exitCode = code === 0 && bugs.length === 0 ? 0 : 1;
} finally {
  await serval.stop();
}
