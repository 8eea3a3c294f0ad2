import { cp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Children } from './children.ts';
import { freePort } from './free-port.ts';
import { type HttpRequest, jsonRequest } from './http-request.ts';
import { firstAnswer, HttpTarget } from './http-target.ts';
import type { Kind, RunningTarget, Target } from './target.ts';
import type { Input } from './work.ts';

export const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** Throw-away things of the load tests; git ignores it. */
export const CACHE = path.join(ROOT, '.cache/load-tests');
export const LOGS = path.join(ROOT, 'load-tests/results/logs');

export interface ServalOptions {
  readonly name: string;
  readonly title: string;
  readonly children: Children;
  /** A checkout of Serval; this one by default. */
  readonly root?: string;
  /** SERVAL_* variables. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The models that a comparison serves. */
const COMPARED: Readonly<Record<Exclude<Kind, 'all'>, string>> = { text: 'sentiment/2', images: 'imagenet/1' };

export function servalTarget({ name, title, children, root = ROOT, settings = {} }: ServalOptions): Target {
  return {
    name,
    title,
    kinds: ['text', 'images', 'all'],
    install: async () => {},
    start: (kind) => startServal({ name, title, children, root, settings }, kind),
  };
}

async function startServal(options: Required<ServalOptions>, kind: Kind): Promise<RunningTarget> {
  const { name, title, children, root, settings } = options;
  const port = await freePort();
  const models = kind === 'all' ? path.join(ROOT, 'models') : await copyModel(name, kind);
  const variables = { PORT: String(port), MODELS: models, LOG_FORMAT: 'json', ...(await honestSettings(root)) };
  const begun = performance.now();
  const child = children.start({
    command: process.execPath,
    args: await startArguments(root),
    cwd: root,
    env: {
      ...Object.fromEntries(Object.entries(variables).map(([setting, value]) => [`SERVAL_${setting}`, value])),
      ...settings,
    },
    logFile: path.join(LOGS, `${name}.log`),
  });
  const first = toServalRequest(
    kind === 'images' ? { image: await readFile(EXAMPLE_IMAGE) } : { text: 'A first text.' },
    { deadlineMs: null },
  );
  const startUpSeconds = await firstAnswer({ port, child, title }, first, begun);
  return new HttpTarget({
    title,
    child,
    port,
    toRequest: toServalRequest,
    healthPath: '/health/live',
    startUpSeconds,
    stop: () => children.stop(child),
  });
}

export const EXAMPLE_IMAGE = path.join(ROOT, 'models/imagenet/1/golden/coffee.jpg');

export function toServalRequest(input: Input, { deadlineMs }: { deadlineMs: number | null }): HttpRequest {
  if ('image' in input) {
    const query = deadlineMs === null ? '' : `?timeout_ms=${deadlineMs}`;
    const headers = { 'content-type': imageType(input.image) };
    return { path: `/models/imagenet/predict${query}`, headers, body: input.image };
  }
  const parameters = deadlineMs === null ? {} : { parameters: { timeout_ms: deadlineMs } };
  const request = jsonRequest('/models/sentiment/predict', { inputs: input.text, ...parameters });
  // The header lets the server refuse before it reads the body.
  return deadlineMs === null
    ? request
    : { ...request, headers: { ...request.headers, 'x-request-timeout-ms': String(deadlineMs) } };
}

export function imageType(file: Buffer): string {
  if (file[0] === 0xff) return 'image/jpeg';
  return file[0] === 0x89 ? 'image/png' : 'image/webp';
}

/** A folder with nothing but the model, so that memory is compared fairly. */
async function copyModel(name: string, kind: 'text' | 'images'): Promise<string> {
  const models = path.join(CACHE, 'models', name, kind);
  await rm(models, { recursive: true, force: true });
  await cp(path.join(ROOT, 'models', COMPARED[kind]), path.join(models, COMPARED[kind]), { recursive: true });
  return models;
}

/** The arguments of `npm start`. */
async function startArguments(root: string): Promise<string[]> {
  const text = await readFile(path.join(root, 'package.json'), 'utf8');
  const { scripts } = JSON.parse(text) as { scripts: { start: string } };
  const [command, ...args] = scripts.start.split(' ');
  if (command !== 'node') throw new Error(`npm start of ${root} is not a node command: ${scripts.start}`);
  return args;
}

/** Every request is computed, and nothing is written to the user's own cache, where the checkout knows other ways. */
async function honestSettings(root: string): Promise<Record<string, string>> {
  // Settings stood in config.ts once.
  const files = ['src/config.ts', 'src/settings.ts'].map((file) =>
    readFile(path.join(root, file), 'utf8').catch(() => ''),
  );
  const config = (await Promise.all(files)).join();
  return {
    ...(config.includes('shareIdentical:') ? { SHARE_IDENTICAL: 'false' } : {}),
    ...(config.includes('cacheBytes:') ? { CACHE_BYTES: '0' } : {}),
    ...(config.includes('cacheDir:') ? { CACHE_DIR: path.join(CACHE, 'cache') } : {}),
  };
}
