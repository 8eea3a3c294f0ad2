import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import path from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GrpcClient, INFERENCE } from '../fixtures/grpc-client.ts';
import { selfSigned } from '../fixtures/self-signed.ts';
import { type ServalProcess, startServal, waitFor } from '../fixtures/serval-process.ts';
import { makeFolder, removeFolder } from '../fixtures/temporary-folder.ts';
import { writeTextModel } from '../fixtures/text-model.ts';

const [one, two] = [selfSigned('one'), selfSigned('two')];

let folder: string;
let serval: ServalProcess;
let grpcPort: number;

beforeAll(async () => {
  folder = await makeFolder();
  await writeTextModel(path.join(folder, 'models', 'tiny'));
  await install(one);
  serval = await startServal({
    models: path.join(folder, 'models'),
    settings: { TLS_CERT: fileOf('cert'), TLS_KEY: fileOf('key'), GRPC_PORT: 0 },
  });
  grpcPort = Number((await serval.whenLogged('listening for gRPC')).port);
});

afterAll(async () => {
  await serval.kill();
  await removeFolder(folder);
});

function fileOf(name: 'cert' | 'key'): string {
  return path.join(folder, `${name}.pem`);
}

async function install({ cert, key }: typeof one): Promise<void> {
  await Promise.all([writeFile(fileOf('cert'), cert), writeFile(fileOf('key'), key)]);
}

const ports = { HTTP: () => serval.port, gRPC: () => grpcPort };

/** What a handshake comes to: the protocol's version and the certificate's name, or the error's code. */
function handshake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect(
      { host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'], ...options },
      () => {
        resolve(`${socket.getProtocol()} ${socket.getPeerCertificate().subject.CN}`);
        socket.destroy();
      },
    );
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

interface HttpsAnswer {
  readonly status: number;
  readonly body: string;
}

function predict(agent: Agent): Promise<HttpsAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${serval.url}/predict`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    sent.on('error', reject).end('{"inputs":"good film"}');
  });
}

describe.each(['HTTP', 'gRPC'] as const)('%s', (protocol) => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const options = { minVersion: version, maxVersion: version };
    expect(await handshake(ports[protocol](), options)).toBe(`${version} one`);
  });

  test.each(['TLSv1', 'TLSv1.1'] as const)('refuses %s, whatever the client is willing to use', async (version) => {
    // Without this the client’s own library would not even offer it.
    const options = { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' };
    expect(await handshake(ports[protocol](), options)).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });

  test('answers nothing in plain text', async () => {
    const socket = connectPlain(ports[protocol](), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received).not.toContain('live');
  });
});

test('requests are answered, and only a client that trusts the certificate sends any', async () => {
  const agent = new Agent({ ca: one.cert });
  expect(await predict(agent)).toMatchObject({ status: 200, body: expect.stringContaining('"positive"') });
  agent.destroy();
  const stranger = new Agent();
  await expect(predict(stranger)).rejects.toThrow(/self-signed certificate/);
  stranger.destroy();
});

test('a certificate that is replaced on the disk is given to new connections, while old ones live on', async () => {
  // One connection that is kept, and so does not see a certificate again.
  const agent = new Agent({ ca: one.cert, keepAlive: true, maxSockets: 1 });
  const socketsOf = () => Object.values(agent.freeSockets).flat();
  const client = new GrpcClient(grpcPort, INFERENCE, one.cert);
  await predict(agent);
  await client.call('ServerLive', {});
  const [before] = socketsOf();
  await install(two);
  for (const port of [serval.port, grpcPort]) {
    await waitFor(async () => (await handshake(port, {})) === 'TLSv1.3 two');
  }
  expect(await predict(agent)).toMatchObject({ status: 200 });
  expect(socketsOf()).toEqual([before]);
  expect(await client.call('ServerLive', {})).toEqual({ live: true });
  // Its old connection apart, that client would no longer get in.
  const stranger = new Agent({ ca: one.cert });
  await expect(predict(stranger)).rejects.toThrow();
  const fresh = new GrpcClient(grpcPort, INFERENCE, two.cert);
  expect(await fresh.call('ServerLive', {})).toEqual({ live: true });
  for (const open of [agent, stranger]) open.destroy();
  for (const open of [client, fresh]) open.close();
});

test('a certificate without its key changes nothing, and is in the log', async () => {
  await install(two);
  await waitFor(async () => (await handshake(serval.port, {})) === 'TLSv1.3 two');
  await install({ ...two, key: one.key });
  await serval.whenLogged('certificate changed and cannot be read; those before stay');
  for (const port of [serval.port, grpcPort]) expect(await handshake(port, {})).toBe('TLSv1.3 two');
  expect(serval.output).not.toContain('PRIVATE KEY');
});

test('a server whose certificate and key do not belong together does not start', async () => {
  const failed = startServal({
    models: path.join(folder, 'models'),
    settings: { TLS_CERT: fileOf('cert'), TLS_KEY: path.join(folder, 'none.pem') },
  });
  await expect(failed).rejects.toThrow(/none\.pem/);
});
