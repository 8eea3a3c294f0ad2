import { createServer } from 'node:http';
import { duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { mutateBytes } from '../../../load-tests/mutate.ts';
import { Random } from '../../../load-tests/random.ts';
import { readPlainRequest } from '../../fixtures/plain-request.ts';

/**
 * Two readers of one connection must never disagree on what a request is, or on where it ends: whatever is taken as plain,
 * right or mutilated, is read alike by node:http.
 */

const MUTANTS = 20_000;
const BODY = '{"inputs": "good", "parameters": {"top_k": 1}}';
const REQUESTS = [
  ['Host: localhost:8080', 'Content-Type: application/json', `Content-Length: ${BODY.length}`],
  ['host: a', 'x-request-id:  abc  ', 'X-Empty:', `content-length:${BODY.length}`, 'connection: close'],
  [`Content-Length: ${BODY.length}`, 'Connection: Keep-Alive', 'X-Odd: a:b;c="d" ,e', 'Accept: */*', 'Host: [::1]'],
].map((head) => Buffer.from(`POST /models/a.b/predict HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${BODY}`));
const LOOKUPS = ['Host: a', 'host:b\r\nAccept: */*\r\nConnection: close'].map((head) =>
  Buffer.from(`GET /v2/models/a.b/ready HTTP/1.1\r\n${head}\r\n\r\n`),
);
const WITH_QUERY = Buffer.from('GET /models?top_k=1&a=b-c.d HTTP/1.1\r\nHost: a\r\n\r\n');
const ALL = [...REQUESTS, ...LOOKUPS, WITH_QUERY];

interface Read {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: object;
  readonly body: string;
  readonly keepsAlive: boolean;
}

const server = createServer();
afterAll(() => void server.close());

/** What node:http takes for the one request in the bytes; null where it sees none. */
async function readByNode(bytes: Buffer): Promise<Read | null> {
  const [near, far] = duplexPair();
  const seen = new Promise<Read | null>((resolve) => {
    server
      .once('clientError', () => resolve(null))
      .once('request', async (request, response) => {
        const { method, url, headers } = request;
        const body = (await buffer(request)).toString('latin1');
        resolve({ method, url, headers: { ...headers }, body, keepsAlive: response.shouldKeepAlive });
      });
  });
  server.emit('connection', near);
  far.end(bytes);
  const read = await seen;
  server.removeAllListeners('clientError').removeAllListeners('request');
  far.destroy();
  near.destroy();
  return read;
}

test('what is plain is read as node:http reads it, whatever was done to it', async () => {
  const random = new Random(7);
  let plain = 0;
  for (let k = 0; k < MUTANTS; k++) {
    const bytes = k < ALL.length ? (ALL[k] ?? Buffer.alloc(0)) : mutateBytes(random.pick(ALL), random);
    const read = readPlainRequest(bytes);
    if (read === null) {
      expect(k, `request ${k} is plain`).toBeGreaterThanOrEqual(ALL.length);
      continue;
    }
    plain += 1;
    const { method, url, headers, body, keepsAlive } = read;
    const own = { method, url, headers: { ...headers }, body: body.toString('latin1'), keepsAlive };
    expect(own, bytes.toString('latin1')).toEqual(await readByNode(bytes));
  }
  expect(plain).toBeGreaterThan(MUTANTS / 20);
});
