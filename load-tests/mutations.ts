import { parseArgs } from 'node:util';
import type { ServiceError } from '@grpc/grpc-js';
import { GrpcClient, INFERENCE } from '../tests/fixtures/grpc-client.ts';
import { binaryBody, bytesElements } from '../tests/fixtures/infer-body.ts';
import { type ServalProcess, startServal } from '../tests/fixtures/serval-process.ts';
import { mutateBytes, mutateJson } from './mutate.ts';
import { Random } from './random.ts';

/**
 * `node load-tests/mutations.ts --count 2000 [--seed N]`: requests of every protocol, changed at random from good ones.
 * None gets a 5xx, none ends a process, and a good request is answered after them.
 */

interface Sent {
  readonly path: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

interface ProtocolFuzz {
  readonly name: string;
  /** @returns what was wrong with the answer; null where nothing was. */
  readonly send: (random: Random) => Promise<string | null>;
}

const { values } = parseArgs({
  options: { count: { type: 'string', default: '2000' }, seed: { type: 'string', default: '20261' } },
});
const CONCURRENT = 8;
/** A picture of one pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const TEXT = 'The plot drags, but the acting is superb.';
const JSON_TYPE = { 'content-type': 'application/json' };

const infer = (name: string, data: readonly unknown[], datatype = 'BYTES') => ({
  id: 'a',
  inputs: [{ name, datatype, shape: [data.length], data }],
  outputs: [{ name: 'scores', parameters: { classification: 2 } }, { name: 'label' }],
  parameters: { timeout: 1_000_000, binary_data_output: false },
});
const ids = (value: bigint) => new Uint8Array(BigInt64Array.of(value, value, value).buffer);
const graphInput = (name: string, value: bigint) => ({ name, datatype: 'INT64', shape: [1, 3], bytes: ids(value) });

const JSON_REQUESTS: Readonly<Record<string, readonly (readonly [path: string, body: object])[]>> = {
  serval: [
    ['/predict', { model: 'sentiment', inputs: [TEXT, 'Good.'], parameters: { top_k: 2, timeout_ms: 5000 } }],
    ['/models/mnist/predict', { inputs: [{ image: PIXEL }] }],
  ],
  'open-inference JSON': [
    ['/v2/models/sentiment/infer', infer('text', [TEXT, 'Good.'])],
    ['/v2/models/mnist/versions/2/infer', infer('image', [PIXEL])],
    [
      '/v2/models/mnist.graph/infer',
      {
        inputs: [
          {
            name: 'pixel_values',
            datatype: 'FP32',
            shape: [1, 1, 28, 28],
            data: Array.from({ length: 784 }, () => 0.5),
          },
        ],
      },
    ],
    ['/v2/repository/index', { ready: true }],
  ],
  'hugging-face': [
    ['/hf/models/sentiment', { inputs: TEXT, parameters: { top_k: 2 } }],
    ['/hf/models/mnist', { inputs: PIXEL }],
  ],
  'text-embeddings-inference': [
    ['/tei/sentiment/predict', { inputs: [[TEXT], ['Good.', 'Bad.']], raw_scores: false, truncate: true }],
  ],
  'tensorflow-serving': [
    ['/v1/models/sentiment:predict', { instances: [TEXT, { text: 'Good.' }] }],
    ['/v1/models/mnist:predict', { instances: [{ b64: PIXEL }] }],
    ['/v1/models/sentiment:classify', { examples: [{ text: TEXT }] }],
  ],
};

const BINARY_REQUESTS = [
  [
    '/v2/models/sentiment/infer',
    binaryBody([{ name: 'text', datatype: 'BYTES', shape: [2], bytes: bytesElements(TEXT, '') }]),
  ],
  [
    '/v2/models/sentiment.graph/infer',
    binaryBody([graphInput('input_ids', 101n), graphInput('attention_mask', 1n), graphInput('token_type_ids', 0n)]),
  ],
  [
    '/v2/models/mnist/infer',
    binaryBody([{ name: 'image', datatype: 'BYTES', shape: [1], bytes: bytesElements(Buffer.from(PIXEL, 'base64')) }]),
  ],
] as const;

const GRPC_REQUESTS: readonly object[] = [
  {
    model_name: 'sentiment',
    id: 'a',
    parameters: { timeout: { int64_param: 1_000_000 } },
    inputs: [{ name: 'text', datatype: 'BYTES', shape: [1], contents: { bytes_contents: [Buffer.from(TEXT)] } }],
    outputs: [{ name: 'scores', parameters: { classification: { int64_param: 2 } } }],
  },
  {
    model_name: 'sentiment.graph',
    inputs: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({
      name,
      datatype: 'INT64',
      shape: [1, 3],
    })),
    raw_input_contents: [ids(101n), ids(1n), ids(0n)].map((bytes) => Buffer.from(bytes)),
  },
];

/** gRPC's codes that stand for a fault of the server: UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const FAULTS = [2, 13, 14, 15];

const serval = await startServal({ models: 'models', settings: { WORKERS: 2, GRPC_PORT: 0, LOG_LEVEL: 'info' } });
const client = new GrpcClient(Number((await serval.whenLogged('listening for gRPC')).port));

async function post({ path, body, headers }: Sent): Promise<string | null> {
  const response = await fetch(serval.url + path, { method: 'POST', headers, body: new Uint8Array(body) });
  const text = await response.text();
  if (response.status >= 500) return `${path} answered ${response.status}: ${text.slice(0, 300)}`;
  return null;
}

function jsonFuzz(name: string, requests: readonly (readonly [string, object])[]): ProtocolFuzz {
  return {
    name,
    send: (random) => {
      const [path, document] = random.pick(requests);
      const json = Buffer.from(JSON.stringify(mutateJson(document, random)) ?? '');
      // Now and then what comes is not even JSON.
      return post({ path, body: random.next() < 0.2 ? mutateBytes(json, random) : json, headers: JSON_TYPE });
    },
  };
}

const binaryFuzz: ProtocolFuzz = {
  name: 'open-inference binary',
  send: (random) => {
    const [path, { body, headers }] = random.pick(BINARY_REQUESTS);
    const length = Number(headers['inference-header-content-length']);
    const kind = random.next();
    if (kind < 0.2) {
      const lie = String(random.pick([0, -1, length - 1, length + 1, body.byteLength, body.byteLength + 1, 1e15]));
      return post({ path, body, headers: { ...headers, 'inference-header-content-length': lie } });
    }
    if (kind < 0.6) {
      const head = Buffer.from(
        JSON.stringify(mutateJson(JSON.parse(body.subarray(0, length).toString()), random)) ?? '',
      );
      const told = { ...headers, 'inference-header-content-length': String(head.byteLength) };
      return post({ path, body: Buffer.concat([head, body.subarray(length)]), headers: told });
    }
    return post({ path, body: mutateBytes(body, random), headers });
  },
};

const grpcFuzz: ProtocolFuzz = {
  name: 'open-inference gRPC',
  send: async (random) => {
    const serialize = INFERENCE.ModelInfer?.requestSerialize;
    if (serialize === undefined) throw new Error('there is no ModelInfer');
    const bytes = mutateBytes(serialize(random.pick(GRPC_REQUESTS)), random);
    return client.bytes('ModelInfer', bytes).then(
      () => null,
      ({ code, details }: ServiceError) => (FAULTS.includes(code) ? `ModelInfer ended with ${code}: ${details}` : null),
    );
  },
};

const PROTOCOLS: readonly ProtocolFuzz[] = [
  ...Object.entries(JSON_REQUESTS).map(([name, requests]) => jsonFuzz(name, requests)),
  binaryFuzz,
  grpcFuzz,
];

async function fuzz({ name, send }: ProtocolFuzz, count: number, seed: number): Promise<string[]> {
  const problems: string[] = [];
  const random = new Random(seed);
  let left = count;
  const sender = async () => {
    while (left-- > 0) {
      const problem = await send(random).catch(
        (error: unknown) => `no answer: ${String(error)} ${String((error as Error).cause)}`,
      );
      if (problem !== null) problems.push(problem);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, sender));
  console.log(
    `${problems.length === 0 ? 'ok    ' : 'FAILED'}  ${name}: ${count} requests, ${problems.length} problems`,
  );
  return problems;
}

async function check(server: ServalProcess): Promise<string[]> {
  const problems: string[] = [];
  const workers = server.workerPids.join();
  for (const protocol of PROTOCOLS) problems.push(...(await fuzz(protocol, Number(values.count), Number(values.seed))));
  if (server.workerPids.join() !== workers) problems.push('a worker ended');
  for (const bug of server.logged('request failed')) problems.push(`the log has ${JSON.stringify(bug)}`);
  await server.predict({ model: 'sentiment', inputs: TEXT });
  return problems;
}

try {
  const problems = await check(serval);
  for (const problem of problems.slice(0, 20)) console.error(`FAILED: ${problem}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  client.close();
  await serval.kill();
}
