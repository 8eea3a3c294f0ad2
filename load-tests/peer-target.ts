import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Children } from './children.ts';
import { environmentFolder, installNode, installPython } from './environment.ts';
import { freePort } from './free-port.ts';
import { type HttpRequest, jsonRequest } from './http-request.ts';
import { firstAnswer, HttpTarget } from './http-target.ts';
import { EXAMPLE_IMAGE, imageType, LOGS, ROOT } from './serval-target.ts';
import type { Kind, RunningTarget, Target } from './target.ts';
import type { Input } from './work.ts';

const PEERS = path.join(ROOT, 'load-tests/peers');
const MODELS: Readonly<Record<Exclude<Kind, 'all'>, string>> = { text: 'sentiment/2', images: 'imagenet/1' };

/** How a peer is started and spoken to. */
interface Peer {
  readonly name: string;
  readonly title: string;
  /** Folder under peers/ with its pins and its server. */
  readonly folder: string;
  readonly language: 'python' | 'node';
  /** @param bin folder of the environment's programs. */
  readonly command: (options: { bin: string; port: number }) => readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly toRequest: (input: Input) => HttpRequest;
}

const python = (bin: string) => path.join(bin, 'python');

const transformers = {
  folder: 'transformers-js',
  language: 'node',
  command: () => [process.execPath, 'server.js'],
  toRequest: (input) => rawImageOr(input, (text) => ({ inputs: text })),
} as const satisfies Partial<Peer>;

const litserve = {
  folder: 'litserve',
  language: 'python',
  command: ({ bin }) => [python(bin), 'server.py'],
  toRequest: (input) => jsonRequest('/predict', { inputs: textOrBase64(input) }),
} as const satisfies Partial<Peer>;

const CATALOG: readonly Peer[] = [
  { ...transformers, name: 'transformers', title: 'Fastify + transformers.js', env: { WORKERS: '1' } },
  {
    ...transformers,
    name: 'transformers-cluster',
    title: 'Fastify + transformers.js, node:cluster × 2',
    env: { WORKERS: '2' },
  },
  {
    name: 'fastapi',
    title: 'FastAPI + onnxruntime, uvicorn × 2',
    folder: 'fastapi',
    language: 'python',
    command: ({ bin, port }) => [
      python(bin),
      ...['-m', 'uvicorn', 'server:app', '--workers', '2', '--port', String(port), '--no-access-log'],
    ],
    toRequest: (input) => rawImageOr(input, (text) => ({ inputs: text }), 'application/octet-stream'),
  },
  { ...litserve, name: 'litserve', title: 'LitServe × 2', env: { MAX_BATCH_SIZE: '1' } },
  { ...litserve, name: 'litserve-batched', title: 'LitServe × 2, batches of 16', env: { MAX_BATCH_SIZE: '16' } },
  {
    name: 'mlserver',
    title: 'MLServer × 2',
    folder: 'mlserver',
    language: 'python',
    command: ({ bin }) => [path.join(bin, 'mlserver'), 'start', '.'],
    toRequest: (input) =>
      jsonRequest('/v2/models/classifier/infer', {
        inputs: [{ name: 'input', shape: [1], datatype: 'BYTES', data: [textOrBase64(input)] }],
      }),
  },
  {
    name: 'bentoml',
    title: 'BentoML × 2',
    folder: 'bentoml',
    language: 'python',
    command: ({ bin, port }) => [
      path.join(bin, 'bentoml'),
      ...['serve', 'service:ClassifierService', '--host', '127.0.0.1', '--port', String(port)],
    ],
    env: { BENTOML_DO_NOT_TRACK: 'True' },
    toRequest: (input) => ('text' in input ? jsonRequest('/predict', { inputs: input.text }) : formOf(input.image)),
  },
];

export function peerTargets(children: Children): Target[] {
  return CATALOG.map((peer) => ({
    name: peer.name,
    title: peer.title,
    kinds: ['text', 'images'],
    install: () => install(peer),
    start: (kind) => start(peer, kind, children),
  }));
}

async function install({ folder, language }: Peer): Promise<void> {
  const peerFolder = path.join(PEERS, folder);
  await (language === 'python' ? installPython(folder, peerFolder) : installNode(folder, peerFolder));
}

async function start(peer: Peer, kind: Kind, children: Children): Promise<RunningTarget> {
  if (kind === 'all') throw new Error(`${peer.title} serves one model`);
  const { title, toRequest } = peer;
  const port = await freePort();
  const environment = environmentFolder(peer.folder);
  const [command, ...args] = peer.command({ bin: path.join(environment, 'bin'), port });
  const begun = performance.now();
  const child = children.start({
    command,
    args,
    // Node resolves packages from where a file lies, Python from its environment.
    cwd: peer.language === 'node' ? environment : path.join(PEERS, peer.folder),
    env: {
      PORT: String(port),
      MODEL: path.join(ROOT, 'models', MODELS[kind]),
      KIND: kind,
      PYTHONPATH: PEERS,
      PYTHONDONTWRITEBYTECODE: '1',
      HF_HUB_OFFLINE: '1',
      ...(await portSettings(peer)),
      ...peer.env,
    },
    logFile: path.join(LOGS, `${peer.name}.log`),
  });
  const first = toRequest(kind === 'images' ? { image: await readFile(EXAMPLE_IMAGE) } : { text: 'A first text.' });
  const startUpSeconds = await firstAnswer({ port, child, title }, first, begun);
  const stop = () => children.stop(child);
  return new HttpTarget({ title, child, port, toRequest, healthPath: null, startUpSeconds, stop });

  /** MLServer takes its ports from variables, and needs three that are free. */
  async function portSettings({ name }: Peer): Promise<Record<string, string>> {
    if (name !== 'mlserver') return {};
    const [grpc, metrics] = [await freePort(), await freePort()];
    return {
      MLSERVER_HTTP_PORT: String(port),
      MLSERVER_GRPC_PORT: String(grpc),
      MLSERVER_METRICS_PORT: String(metrics),
    };
  }
}

function rawImageOr(input: Input, body: (text: string) => unknown, type?: string): HttpRequest {
  if ('text' in input) return jsonRequest('/predict', body(input.text));
  return { path: '/predict', headers: { 'content-type': type ?? imageType(input.image) }, body: input.image };
}

function textOrBase64(input: Input): string {
  return 'text' in input ? input.text : input.image.toString('base64');
}

const BOUNDARY = 'serval-load-test-boundary';

function formOf(image: Buffer): HttpRequest {
  const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="image"; filename="picture"\r\ncontent-type: ${imageType(image)}\r\n\r\n`;
  return {
    path: '/predict',
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: Buffer.concat([Buffer.from(head), image, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]),
  };
}
