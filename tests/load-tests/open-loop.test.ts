import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { jsonRequest } from '../../load-tests/http-request.ts';
import { checkAnswer } from '../../load-tests/http-target.ts';
import { runOpenLoop } from '../../load-tests/open-loop.ts';

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function optionsFor(listener: RequestListener) {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    request: (at: number) => jsonRequest('/predict', { inputs: `text ${at}` }),
    rate: 100,
    seconds: 0.5,
    deadlineMs: 200,
    newConnectionShare: 0.5,
    seed: 1,
    check: checkAnswer,
  };
}

test('each request is answered once, on kept and on new connections', async () => {
  const seen = { closes: 0, keeps: 0 };
  const options = await optionsFor((request, response) => {
    seen[request.headers.connection === 'close' ? 'closes' : 'keeps'] += 1;
    response.end('{}');
  });
  const { sent, inTime, statuses } = await runOpenLoop(options);
  expect(inTime).toBe(sent);
  expect(statuses).toEqual({ '200': sent });
  // The load before and after the seconds that count.
  expect(seen.closes + seen.keeps).toBeGreaterThan(sent);
  expect(Math.min(seen.closes, seen.keeps)).toBeGreaterThan(0);
});

test('an answer after the deadline is late and no use', async () => {
  const options = await optionsFor((_request, response) => void setTimeout(() => response.end('{}'), 400));
  const { sent, inTime, statuses } = await runOpenLoop({ ...options, seconds: 0.2 });
  expect(inTime).toBe(0);
  expect(statuses).toEqual({ late: sent });
});

test('refusals are counted by status, with their time on kept connections', async () => {
  const options = await optionsFor((_request, response) => response.writeHead(429).end());
  const { inTime, statuses, sent, refusalP99Ms } = await runOpenLoop({ ...options, newConnectionShare: 0 });
  expect(inTime).toBe(0);
  expect(statuses).toEqual({ '429': sent });
  expect(refusalP99Ms).toBeGreaterThan(0);
});

test('a run in which an answer was shared or cached fails', async () => {
  const options = await optionsFor((_request, response) => response.end('{"usage":{"items":1,"shared":1}}'));
  await expect(runOpenLoop(options)).rejects.toThrow('"shared":1');
});

test('counts of zero are honest', () => {
  expect(() => checkAnswer({ status: 200, body: '{"usage":{"shared":0,"cached": 0}}' })).not.toThrow();
  expect(() => checkAnswer({ status: 200, body: '{"usage":{"cached": 2}}' })).toThrow('cached');
  expect(() => checkAnswer({ status: 503, body: 'x' })).toThrow('503');
});
