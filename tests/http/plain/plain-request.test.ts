import { expect, test } from 'vitest';
import { readPlainHead, readPlainRequest } from '../../fixtures/plain-request.ts';

const HEAD = ['Host: localhost', 'Content-Type: application/json', 'Content-Length: 2'];

function request({ line = 'POST /predict HTTP/1.1', headers = HEAD, body = '{}' } = {}): Buffer {
  return Buffer.from(`${line}\r\n${headers.join('\r\n')}\r\n\r\n${body}`, 'latin1');
}

test('reads what came whole, with the names of headers in lower case', () => {
  const read = readPlainRequest(request({ headers: [...HEAD, 'X-Request-Id:abc', 'X-Empty: '] }));
  expect(read).toMatchObject({ method: 'POST', url: '/predict', keepsAlive: true, body: Buffer.from('{}') });
  expect({ ...read?.headers }).toEqual({
    host: 'localhost',
    'content-type': 'application/json',
    'content-length': '2',
    'x-request-id': 'abc',
    'x-empty': '',
  });
});

test('reads the head of what is not whole yet, and says how much is to come', () => {
  const bytes = request({ headers: [...HEAD.slice(0, 2), 'Content-Length: 5000'], body: 'the first bytes' });
  expect(readPlainHead(bytes)).toMatchObject({ bodyBytes: 5000, headBytes: bytes.indexOf('the first bytes') });
});

test('reads a query in which nothing has to be decoded', () => {
  const line = 'POST /predict?timeout_ms=500&top_k=1 HTTP/1.1';
  expect(readPlainRequest(request({ line }))).toMatchObject({ url: '/predict?timeout_ms=500&top_k=1' });
});

test('reads a GET, which has no body', () => {
  const bytes = request({ line: 'GET /v2/health/live HTTP/1.1', headers: ['Host: localhost'], body: '' });
  expect(readPlainRequest(bytes)).toMatchObject({ method: 'GET', url: '/v2/health/live', bodyBytes: 0 });
});

test.each([
  ['close', false],
  ['Keep-Alive', true],
])('connection: %s', (connection, keepsAlive) => {
  expect(readPlainRequest(request({ headers: [...HEAD, `Connection: ${connection}`] }))).toMatchObject({ keepsAlive });
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['a head that is not over', Buffer.from('POST /predict HTTP/1.1\r\nHost: localhost\r\n')],
  ['a body that is not over', request({ body: '{' })],
  ['more than one request', request({ body: '{}POST /predict HTTP/1.1' })],
  ['another method', request({ line: 'PUT /predict HTTP/1.1' })],
  ['a GET with a length', request({ line: 'GET /predict HTTP/1.1' })],
  ['a GET with something behind it', request({ line: 'GET / HTTP/1.1', headers: ['Host: localhost'], body: '{}' })],
  ['an older protocol', request({ line: 'POST /predict HTTP/1.0' })],
  ['a query that has to be decoded', request({ line: 'POST /predict?a=%31 HTTP/1.1' })],
  ['two queries', request({ line: 'POST /predict?a=1?b=2 HTTP/1.1' })],
  ['an address of a proxy', request({ line: 'POST http://localhost/predict HTTP/1.1' })],
  ['spaces in the request line', request({ line: 'POST  /predict HTTP/1.1' })],
  ['no host', request({ headers: HEAD.slice(1) })],
  ['an empty host', request({ headers: ['Host: ', ...HEAD.slice(1)] })],
  ['no length', request({ headers: HEAD.slice(0, 2) })],
  ['two lengths', request({ headers: [...HEAD, 'Content-Length: 2'] })],
  ['a signed length', request({ headers: [...HEAD.slice(0, 2), 'Content-Length: +2'] })],
  ['a length in two parts', request({ headers: [...HEAD.slice(0, 2), 'Content-Length: 2, 2'] })],
  ['chunks', request({ headers: [...HEAD, 'Transfer-Encoding: chunked'] })],
  ['a client that waits for leave', request({ headers: [...HEAD, 'Expect: 100-continue'] })],
  ['an upgrade', request({ headers: [...HEAD, 'Upgrade: h2c'] })],
  ['other options of the connection', request({ headers: [...HEAD, 'Connection: close, upgrade'] })],
  ['a header said twice', request({ headers: [...HEAD, 'X-A: 1', 'x-a: 2'] })],
  ['a folded header', request({ headers: [...HEAD, 'X-A: 1', ' 2'] })],
  ['a space before the colon', request({ headers: [...HEAD, 'X-A : 1'] })],
  ['no colon', request({ headers: [...HEAD, 'X-A'] })],
  ['a bare line feed in a value', request({ headers: [...HEAD, 'X-A: 1\nTransfer-Encoding: chunked'] })],
  ['a control character', request({ headers: [...HEAD, 'X-A: \u0000'] })],
  ['bytes beyond ASCII', request({ headers: [...HEAD, 'X-A: \u00e9'] })],
  ['a header that is no token', request({ headers: [...HEAD, '__proto__: 1'] })],
  ['a hundred headers', request({ headers: [...HEAD, ...Array.from({ length: 100 }, (_, at) => `X-${at}: 1`)] })],
])('leaves to node:http: %s', (_name, bytes) => {
  expect(readPlainRequest(bytes)).toBeNull();
});
