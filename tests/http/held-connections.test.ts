import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import type { EarlyRefusal } from '../../src/http/early-refusal.ts';
import { HeldConnections } from '../../src/http/held-connections.ts';
import type { PlainRequest } from '../../src/http/plain-request.ts';

const REFUSED = 'HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\nno';
const KEEP_ALIVE_MS = 2_000;

let server: Server | null = null;
const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  server?.closeAllConnections();
  server?.close();
});

/** A server that refuses the path /no before node:http reads it while `likely`, and echoes other bodies. */
async function serverWith({ likely = true } = {}) {
  const state = { likely };
  const answerTo = vi.fn(({ url }: PlainRequest) => (url === '/no' ? REFUSED : null));
  const seen = vi.fn();
  server = createServer((request, response) => {
    seen(request.url);
    void text(request).then((body) => response.end(`usual ${body}`));
  });
  const refusal = { isLikely: () => state.likely, answerTo } as unknown as EarlyRefusal;
  const held = HeldConnections.before(server, refusal, KEEP_ALIVE_MS);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    clients.push(socket);
    await new Promise((resolve) => socket.once('connect', resolve));
    return new Client(socket);
  };
  return { state, held, answerTo, seen, open };
}

class Client {
  received = '';
  isClosed = false;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.received += chunk.toString();
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  send(bytes: string): void {
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }
}

function post(path: string, body: string, connection = 'keep-alive'): string {
  const head = ['Host: localhost', `Content-Length: ${body.length}`, `Connection: ${connection}`].join('\r\n');
  return `POST ${path} HTTP/1.1\r\n${head}\r\n\r\n${body}`;
}

test('answers one refusal after another without node:http, then gives it what is to be answered', async () => {
  const { held, seen, open } = await serverWith();
  const client = await open();
  client.send(post('/no', 'a'));
  await expect.poll(() => client.received).toBe(REFUSED);
  client.send(post('/no', 'b'));
  await expect.poll(() => client.received).toBe(REFUSED + REFUSED);
  expect(held.count).toBe(1);
  client.send(post('/yes', 'c'));
  await expect.poll(() => client.received).toContain('usual c');
  client.send(post('/no', 'd'));
  await expect.poll(() => client.received).toContain('usual d');
  expect(seen.mock.calls).toEqual([['/yes'], ['/no']]);
  expect(held.count).toBe(0);
});

test('ends the connection of a client that wants no more', async () => {
  const { held, open } = await serverWith();
  const client = await open();
  client.send(post('/no', 'a', 'close'));
  await expect.poll(() => client.isClosed).toBe(true);
  expect(client.received).toBe(REFUSED);
  expect(held.count).toBe(0);
});

test('what comes in pieces is read by node:http from its first byte on', async () => {
  const { answerTo, open } = await serverWith();
  const client = await open();
  const bytes = post('/no', 'a body');
  client.send(bytes.slice(0, 7));
  await delay(50);
  client.send(bytes.slice(7, -2));
  await delay(50);
  client.send(bytes.slice(-2));
  await expect.poll(() => client.received).toContain('usual a body');
  expect(answerTo).not.toHaveBeenCalled();
});

test('what is no request gets node:http’s answer', async () => {
  const { open } = await serverWith();
  const client = await open();
  client.send('what is this?\r\n\r\n');
  await expect.poll(() => client.received).toContain('400 Bad Request');
});

test('two requests at once are both answered', async () => {
  const { open } = await serverWith();
  const client = await open();
  client.send(post('/no', 'a') + post('/yes', 'b'));
  await expect.poll(() => client.received.match(/usual [ab]/g)).toEqual(['usual a', 'usual b']);
});

test('holds nothing while no queue is long', async () => {
  const { held, state, open } = await serverWith({ likely: false });
  const client = await open();
  state.likely = true;
  client.send(post('/no', 'a'));
  await expect.poll(() => client.received).toContain('usual a');
  expect(held.count).toBe(0);
});

test('a client that ends its side is let go', async () => {
  const { held, open } = await serverWith();
  const client = await open();
  await expect.poll(() => held.count).toBe(1);
  client.end();
  await expect.poll(() => client.isClosed).toBe(true);
  expect(held.count).toBe(0);
});

test('a silent client is node:http’s after a second, a refused one is let go after its idle time', async () => {
  const { held, open } = await serverWith();
  const silent = await open();
  const refused = await open();
  refused.send(post('/no', 'a'));
  await expect.poll(() => held.count, { timeout: 4_000 }).toBe(1);
  silent.send(post('/yes', 'b'));
  await expect.poll(() => silent.received).toContain('usual b');
  await expect.poll(() => refused.isClosed, { timeout: 5_000 }).toBe(true);
  expect(held.count).toBe(0);
});

test('release gives all to node:http, which closes them', async () => {
  const { held, open } = await serverWith();
  const client = await open();
  await expect.poll(() => held.count).toBe(1);
  held.release();
  expect(held.count).toBe(0);
  server?.closeAllConnections();
  await expect.poll(() => client.isClosed).toBe(true);
});
