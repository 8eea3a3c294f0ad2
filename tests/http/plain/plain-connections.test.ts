import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { PlainAnswer } from '../../../src/http/plain/plain-answer.ts';
import type { PlainAnswers } from '../../../src/http/plain/plain-answers.ts';
import { PlainConnections } from '../../../src/http/plain/plain-connections.ts';
import type { PlainHead, PlainRequest } from '../../../src/http/plain/plain-request.ts';
import type { ClientConnection } from '../../../src/pipelines/predictor.ts';

/** What the path /refused gets, whatever its body. */
const REFUSED = 'HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n';
/** What the path /plain gets at once, and /later when the test says so. */
const PLAIN = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const MAX_HELD_BYTES = 5_000_000;
const KEEP_ALIVE_MS = 2_000;

let server: Server | null = null;
const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  server?.closeAllConnections();
  server?.close();
});

/**
 * A server that answers some paths before node:http reads them: /plain, /later, and /echo with the body that came. Others
 * get node:http's answer: what /usual asks for is never expected here, and /wrong is found out when it is whole.
 */
async function serve(usual: RequestListener | null = null) {
  const later: { client: ClientConnection; answer: (isPlain?: boolean) => void }[] = [];
  const held = { bytes: 0 };
  const answers = {
    expect: ({ url }: PlainHead) => (url === '/usual' ? null : { url }),
    refuse: (_prediction: unknown, { url, keepsAlive }: PlainHead) =>
      url === '/refused' ? { pieces: [REFUSED], isLast: !keepsAlive } : null,
    hold: (_prediction: unknown, { bodyBytes }: PlainHead) => {
      if (bodyBytes > MAX_HELD_BYTES) return null;
      held.bytes += bodyBytes;
      return () => {
        held.bytes -= bodyBytes;
      };
    },
    abandon: vi.fn(),
    answerTo: vi.fn((_prediction: unknown, { url, body, keepsAlive }: PlainRequest, client: ClientConnection) => {
      const answer = { pieces: [PLAIN], isLast: !keepsAlive };
      if (url === '/wrong') return null;
      if (url === '/echo') return { ...answer, pieces: [`HTTP/1.1 200 OK\r\n\r\n`, body] };
      if (url !== '/later') return answer;
      return new Promise<PlainAnswer | null>((resolve) => {
        later.push({ client, answer: (isPlain = true) => resolve(isPlain ? answer : null) });
      });
    }),
  };
  const seen = vi.fn();
  server = createServer((request, response) => {
    seen(request.url);
    if (usual !== null) usual(request, response);
    else void text(request).then((body) => response.end(`usual ${body}`));
  });
  const plain = PlainConnections.before(server, answers as unknown as PlainAnswers, KEEP_ALIVE_MS);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    clients.push(socket);
    await new Promise((resolve) => socket.once('connect', resolve));
    return new Client(socket);
  };
  return { plain, later, held, ...answers, seen, open };
}

/** A client whose first request waits for its answer, to be given by the test. */
async function serveWaiting() {
  const served = await serve();
  const client = await served.open();
  client.send(post('/later', 'a'));
  await expect.poll(() => served.later.length).toBe(1);
  const [first] = served.later;
  if (first === undefined) throw new Error('no request waits');
  return { ...served, client, first };
}

/** A client that was answered once. */
async function serveAnswered() {
  const served = await serve();
  const client = await served.open();
  client.send(post('/plain', 'a'));
  await expect.poll(() => client.received).toBe(PLAIN);
  return { ...served, client };
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

  destroy(): void {
    this.#socket.destroy();
  }
}

function post(path: string, body: string, connection = 'keep-alive'): string {
  const head = ['Host: localhost', `Content-Length: ${body.length}`, `Connection: ${connection}`].join('\r\n');
  return `POST ${path} HTTP/1.1\r\n${head}\r\n\r\n${body}`;
}

test('answers one request after another without node:http, then gives it what is not plain', async () => {
  const { client, plain, seen } = await serveAnswered();
  client.send(post('/plain', 'b'));
  await expect.poll(() => client.received).toBe(PLAIN + PLAIN);
  expect(plain.keptCount).toBe(1);
  client.send(post('/plain', 'c').replace('\r\n', '\r\nX-A: 1\r\nX-A: 2\r\n'));
  await expect.poll(() => client.received).toContain('usual c');
  client.send(post('/plain', 'd'));
  await expect.poll(() => client.received).toContain('usual d');
  expect(seen.mock.calls).toEqual([['/plain'], ['/plain']]);
  await expect.poll(() => plain.keptCount).toBe(0);
});

describe('a request that is plainly read, and not answered here', () => {
  test.each([
    ['one that nobody expects', post('/usual', 'a')],
    ['one that is wrong', post('/wrong', 'a')],
    ['a lookup', 'GET /usual HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ])('gets node:http’s answer, and the connection stays: %s', async (_name, bytes) => {
    const { client, plain, seen } = await serveAnswered();
    client.send(bytes);
    await expect.poll(() => client.received).toMatch(/okHTTP\/1.1 200 OK[\s\S]*\r\n\r\n.*usual /);
    client.send(post('/plain', 'b'));
    await expect.poll(() => client.received.endsWith(PLAIN)).toBe(true);
    expect(seen).toHaveBeenCalledOnce();
    expect(plain.keptCount).toBe(1);
  });

  test('is the connection’s last where node:http says so', async () => {
    const { open, plain } = await serve();
    const client = await open();
    client.send(post('/usual', 'a', 'close'));
    await expect.poll(() => client.isClosed).toBe(true);
    expect(client.received).toContain('Connection: close');
    expect(client.received).toContain('usual a');
    await expect.poll(() => plain.keptCount).toBe(0);
  });

  test('ends where node:http ends the connection, without a request', async () => {
    const { open } = await serve();
    server?.on('clientError', (_error, socket) => socket.end('HTTP/1.1 431 Too Large\r\nconnection: close\r\n\r\n'));
    const client = await open();
    client.send(post('/usual', 'a').replace('\r\n', `\r\nX-Filler: ${'a'.repeat(20_000)}\r\n`));
    await expect.poll(() => client.isClosed).toBe(true);
    expect(client.received).toContain('431 Too Large');
  });

  test.each([
    ['nothing', (response: ServerResponse) => response.destroy()],
    ['half an answer', (response: ServerResponse) => void response.write('half', () => response.destroy())],
  ])('ends the connection where node:http gives %s', async (_name, breakOff) => {
    const { open, plain } = await serve((_request, response) => breakOff(response));
    const client = await open();
    client.send(post('/usual', 'a'));
    await expect.poll(() => client.isClosed).toBe(true);
    await expect.poll(() => plain.keptCount).toBe(0);
  });

  test('is given up where its client goes away', async () => {
    const gone = vi.fn();
    const { open, plain } = await serve((_request, response) => response.once('close', gone));
    const client = await open();
    client.send(post('/usual', 'a'));
    await delay(50);
    client.destroy();
    await expect.poll(() => gone.mock.calls.length).toBe(1);
    await expect.poll(() => plain.keptCount).toBe(0);
  });

  test('may have a long answer', async () => {
    const { open } = await serve((_request, response) => response.end('x'.repeat(1_000_000)));
    const client = await open();
    client.send(post('/usual', 'a'));
    await expect.poll(() => client.received.match(/x+$/)?.[0].length).toBe(1_000_000);
  });
});

describe('a body that comes in pieces', () => {
  const BODY = 'x'.repeat(2_000_000);

  test('is put together', async () => {
    const { open, held, seen } = await serve();
    const client = await open();
    const bytes = post('/echo', BODY);
    client.send(bytes.slice(0, bytes.length - BODY.length));
    await delay(20);
    client.send(bytes.slice(bytes.length - BODY.length, -100));
    await delay(50);
    expect(held.bytes).toBe(BODY.length);
    expect(client.received).toBe('');
    client.send(bytes.slice(-100));
    await expect.poll(() => client.received.endsWith(`\r\n\r\n${BODY}`)).toBe(true);
    expect(held.bytes).toBe(0);
    client.send(post('/plain', 'b'));
    await expect.poll(() => client.received.endsWith(PLAIN)).toBe(true);
    expect(seen).not.toHaveBeenCalled();
  });

  test.each([
    ['is not expected', '/usual', 'a body'],
    ['may not be held', '/echo', 'x'.repeat(MAX_HELD_BYTES + 1)],
  ])('is node:http’s where it %s', async (_name, path, body) => {
    const { open, answerTo, held } = await serve();
    const client = await open();
    const bytes = post(path, body);
    client.send(bytes.slice(0, -3));
    await delay(50);
    client.send(bytes.slice(-3));
    await expect.poll(() => client.received.endsWith(`usual ${body}`)).toBe(true);
    expect(answerTo).not.toHaveBeenCalled();
    expect(held.bytes).toBe(0);
  });

  test('is node:http’s with all that came where it is found to be wrong', async () => {
    const { open, held } = await serve();
    const client = await open();
    const bytes = post('/wrong', BODY);
    client.send(bytes.slice(0, 1_000));
    await delay(20);
    client.send(bytes.slice(1_000));
    await expect.poll(() => client.received.endsWith(`usual ${BODY}`)).toBe(true);
    expect(held.bytes).toBe(0);
  });

  test('is node:http’s where more comes than was said', async () => {
    const { open } = await serve();
    const client = await open();
    const bytes = post('/echo', BODY);
    client.send(bytes.slice(0, -10));
    await delay(20);
    client.send(bytes.slice(-10) + post('/plain', 'b'));
    await expect.poll(() => client.received.endsWith('usual b')).toBe(true);
    expect(client.received).toContain(`usual ${BODY}`);
  });

  test('is node:http’s where it does not come within a second', async () => {
    const { open, held, seen } = await serve();
    const client = await open();
    const bytes = post('/echo', 'a body');
    client.send(bytes.slice(0, -3));
    await delay(2_500);
    expect(held.bytes).toBe(0);
    client.send(bytes.slice(-3));
    await expect.poll(() => client.received).toContain('usual a body');
    expect(seen).toHaveBeenCalledOnce();
  });

  test.each([
    ['ends its side', (client: Client) => client.end()],
    ['breaks the connection', (client: Client) => client.destroy()],
  ])('is told of where its client %s', async (_name, leave) => {
    const { open, held, abandon, plain } = await serve();
    const client = await open();
    client.send(post('/echo', 'a body').slice(0, -3));
    await expect.poll(() => held.bytes).toBe(6);
    leave(client);
    await expect.poll(() => abandon.mock.calls.length).toBe(1);
    expect(held.bytes).toBe(0);
    await expect.poll(() => plain.keptCount).toBe(0);
  });

  test('goes to node:http with all that came when the server closes', async () => {
    const { open, held, plain } = await serve();
    const client = await open();
    const bytes = post('/echo', 'a body');
    client.send(bytes.slice(0, -3));
    await expect.poll(() => held.bytes).toBe(6);
    const released = vi.fn();
    plain.release(released);
    expect(released).toHaveBeenCalledOnce();
    client.send(bytes.slice(-3));
    await expect.poll(() => client.received).toContain('usual a body');
    expect(held.bytes).toBe(0);
  });
});

describe('a request that is refused by its head', () => {
  const BODY = 'x'.repeat(2_000_000);

  test('has its answer when its body has come, of which nothing is held', async () => {
    const { open, held, answerTo, seen } = await serve();
    const client = await open();
    const bytes = post('/refused', BODY);
    client.send(bytes.slice(0, -100));
    await delay(50);
    expect(client.received).toBe('');
    expect(held.bytes).toBe(0);
    client.send(bytes.slice(-100));
    await expect.poll(() => client.received).toBe(REFUSED);
    client.send(post('/plain', 'b'));
    await expect.poll(() => client.received).toBe(REFUSED + PLAIN);
    expect(answerTo).toHaveBeenCalledOnce();
    expect(seen).not.toHaveBeenCalled();
  });

  test('has it at once where its body came with its head', async () => {
    const { open } = await serve();
    const client = await open();
    client.send(post('/refused', 'a body'));
    await expect.poll(() => client.received).toBe(REFUSED);
  });

  test('is followed by the next one, whatever piece that came in', async () => {
    const { open, answerTo } = await serve();
    const client = await open();
    const bytes = post('/refused', BODY);
    client.send(bytes.slice(0, -10));
    await delay(50);
    client.send(bytes.slice(-10) + post('/plain', 'b'));
    await expect.poll(() => client.received).toBe(REFUSED + PLAIN);
    expect(answerTo).toHaveBeenCalledOnce();
  });

  test('ends the connection of a client that wants no more, when all of it has come', async () => {
    const { open, plain } = await serve();
    const client = await open();
    client.send(post('/refused', BODY, 'close'));
    await expect.poll(() => client.isClosed).toBe(true);
    expect(client.received).toBe(REFUSED);
    await expect.poll(() => plain.keptCount).toBe(0);
  });

  test('has its answer, and no connection more, where it does not come within a second', async () => {
    const { open } = await serve();
    const client = await open();
    client.send(post('/refused', BODY).slice(0, -3));
    await expect.poll(() => client.isClosed).toBe(true);
    expect(client.received).toBe(REFUSED);
  });

  test('has its answer when the server closes', async () => {
    const { open, plain } = await serve();
    const client = await open();
    client.send(post('/refused', 'a body').slice(0, -3));
    await delay(50);
    const released = vi.fn();
    plain.release(released);
    await expect.poll(() => client.isClosed).toBe(true);
    expect(client.received).toBe(REFUSED);
    await expect.poll(() => released.mock.calls.length).toBe(1);
  });

  test('may lose its client meanwhile', async () => {
    const { open, plain, abandon } = await serve();
    const client = await open();
    client.send(post('/plain', 'a'));
    await expect.poll(() => client.received).toBe(PLAIN);
    client.send(post('/refused', BODY).slice(0, -3));
    await delay(50);
    client.destroy();
    await expect.poll(() => plain.keptCount).toBe(0);
    expect(abandon).not.toHaveBeenCalled();
  });
});

test('ends the connection of a client that wants no more', async () => {
  const { plain, open } = await serve();
  const client = await open();
  client.send(post('/plain', 'a', 'close'));
  await expect.poll(() => client.isClosed).toBe(true);
  expect(client.received).toBe(PLAIN);
  await expect.poll(() => plain.keptCount).toBe(0);
});

test('a head that comes in pieces is read by node:http from its first byte on', async () => {
  const { answerTo, open } = await serve();
  const client = await open();
  const bytes = post('/plain', 'a body');
  client.send(bytes.slice(0, 7));
  await delay(50);
  client.send(bytes.slice(7, -2));
  await delay(50);
  client.send(bytes.slice(-2));
  await expect.poll(() => client.received).toContain('usual a body');
  expect(answerTo).not.toHaveBeenCalled();
});

test('what is no request gets node:http’s answer', async () => {
  const { open } = await serve();
  const client = await open();
  client.send('what is this?\r\n\r\n');
  await expect.poll(() => client.received).toContain('400 Bad Request');
});

test('two requests at once are both answered', async () => {
  const { open } = await serve();
  const client = await open();
  client.send(post('/plain', 'a') + post('/usual', 'b'));
  await expect.poll(() => client.received.match(/usual [ab]/g)).toEqual(['usual a', 'usual b']);
});

describe('a request whose answer takes time', () => {
  test('is answered before the one that came after it, plain or not', async () => {
    const { client, first, later } = await serveWaiting();
    client.send(post('/plain', 'b'));
    await delay(50);
    expect(client.received).toBe('');
    first.answer();
    await expect.poll(() => client.received).toBe(PLAIN + PLAIN);
    client.send(post('/later', 'c'));
    await expect.poll(() => later.length).toBe(2);
    client.send(post('/usual', 'd'));
    await delay(50);
    later[1]?.answer();
    await expect.poll(() => client.received).toMatch(/^(HTTP.*ok){3}HTTP.*usual d/s);
  });

  test('gets node:http’s answer where it is found to be not plain, before what came after it', async () => {
    const { client, first } = await serveWaiting();
    client.send(post('/plain', 'b'));
    await delay(50);
    first.answer(false);
    await expect.poll(() => client.received.endsWith(PLAIN)).toBe(true);
    expect(client.received).toContain('usual a');
  });

  test('more than a piece of what comes meanwhile is not read before it is answered', async () => {
    const { client, first, seen } = await serveWaiting();
    const many = Array.from({ length: 3_000 }, (_, at) => post('/usual', `body ${at}`));
    client.send(many.join(''));
    await delay(100);
    first.answer();
    await expect.poll(() => seen.mock.calls.length).toBe(many.length);
    await expect.poll(() => client.received.match(/usual body/g)?.length).toBe(many.length);
  });

  test.each([
    ['ends its side', (client: Client) => client.end()],
    ['breaks the connection', (client: Client) => client.destroy()],
  ])('is told of a client that %s', async (_name, leave) => {
    const { client, first, plain } = await serveWaiting();
    const gone = vi.fn();
    first.client.onClose(gone);
    expect(first.client.isClosed()).toBe(false);
    leave(client);
    await expect.poll(() => gone.mock.calls.length).toBe(1);
    expect(first.client.isClosed()).toBe(true);
    await expect.poll(() => plain.keptCount).toBe(0);
    first.answer();
    await delay(20);
    expect(client.received).toBe('');
  });

  test('knows how long it has waited, and its client no more once the call is taken back', async () => {
    const { client, first } = await serveWaiting();
    await delay(30);
    expect(first.client.waitedMs()).toBeGreaterThan(25);
    const gone = vi.fn();
    first.client.onClose(gone)();
    client.destroy();
    await delay(50);
    expect(gone).not.toHaveBeenCalled();
  });
});

test('a client that ends its side is let go', async () => {
  const { client, plain } = await serveAnswered();
  client.end();
  await expect.poll(() => client.isClosed).toBe(true);
  await expect.poll(() => plain.keptCount).toBe(0);
});

test('a silent client is node:http’s after a second, one that was answered is let go after its idle time', async () => {
  const { plain, seen, open } = await serve();
  const silent = await open();
  const answered = await open();
  answered.send(post('/plain', 'a'));
  await delay(2_100);
  silent.send(post('/plain', 'b'));
  await expect.poll(() => silent.received).toContain('usual b');
  expect(seen).toHaveBeenCalledOnce();
  await expect.poll(() => answered.isClosed, { timeout: 5_000 }).toBe(true);
  await expect.poll(() => plain.keptCount).toBe(0);
});

test('release gives all to node:http, which closes them, each after the answer that it waits for', async () => {
  const { plain, later, open } = await serve();
  const idle = await open();
  const busy = await open();
  busy.send(post('/later', 'a'));
  await expect.poll(() => later.length).toBe(1);
  const released = vi.fn();
  plain.release(released);
  await delay(20);
  expect(released).not.toHaveBeenCalled();
  later[0]?.answer();
  await expect.poll(() => busy.received).toBe(PLAIN);
  expect(released).toHaveBeenCalledOnce();
  server?.closeAllConnections();
  await expect.poll(() => [idle.isClosed, busy.isClosed]).toEqual([true, true]);
});

test('what is opened after the release is node:http’s, and the release is told once', async () => {
  const { plain, seen, open } = await serve();
  const released = vi.fn();
  plain.release(released);
  expect(released).toHaveBeenCalledOnce();
  const client = await open();
  client.send(post('/plain', 'a', 'close'));
  await expect.poll(() => client.isClosed).toBe(true);
  expect(seen.mock.calls).toEqual([['/plain']]);
  expect(released).toHaveBeenCalledOnce();
});
