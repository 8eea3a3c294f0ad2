import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseConfig } from '../src/config.ts';
import { Server } from '../src/server.ts';

/** `npm run openapi`: writes the running server's document, which the tests compare with the committed one. */
const models = await mkdtemp(path.join(tmpdir(), 'serval-'));
const server = await Server.create(
  parseConfig({ SERVAL_PORT: '0', SERVAL_MODELS: models, SERVAL_WORKERS: '1', SERVAL_LOG_LEVEL: 'warn' }),
);
await server.start();
const document: unknown = await (await fetch(`${server.url}/openapi.json`)).json();
await writeFile(new URL('openapi.json', import.meta.url), `${JSON.stringify(document, null, 2)}\n`);
await server.stop('written');
await rm(models, { recursive: true });
