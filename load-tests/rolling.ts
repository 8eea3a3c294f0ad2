import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { CountedLoad, type CountedReport } from './counted-load.ts';
import { CUT_OFF, GrpcLoad } from './grpc-load.ts';
import { type HttpRequest, jsonRequest } from './http-request.ts';
import { LoadBalancer, type Retry } from './load-balancer.ts';
import { Replicas } from './replicas.ts';
import { readSentences } from './sentences.ts';
import { ROOT } from './serval-target.ts';
import { Verdicts } from './verdicts.ts';

/**
 * `npm run rolling -- [--rounds 5] [--rate 40]`: three replicas behind nginx and behind HAProxy, as deploy/ configures them, under an
 * open loop of so many requests a second through each, and a few gRPC calls. Each round restarts every replica, one
 * after another. Then one is killed by kill -9 while it works on long requests. Fails where a request through either
 * is not answered with what it asked for, or where the kill touched requests of another replica.
 */

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, rate: { type: 'string', default: '40' } },
});
const rounds = Number(values.rounds);
const rate = Number(values.rate);
const GRPC_RATE = 5;
const REPLICAS = 3;
/** Above what HAProxy's health check takes to see it, 1.25 s. */
const GRACE_MS = 2_000;
/** As minReadySeconds of Kubernetes: until the load balancers have seen that it is ready. */
const SEEN_MS = 1_500;
const LONG_INPUTS = 64;
/** Of each proxy; more than one for each replica. */
const LONG_REQUESTS = 6;
/** A long request takes some 250 ms of a worker. */
const KILL_AFTER_MS = 120;

/** Above SERVAL_MAX_TEXT_BODY_BYTES, and below what the proxies let through. */
const LARGE_BODY = JSON.stringify({ inputs: 'a'.repeat(3_000_000) });
const LARGE_REQUESTS = 20;

const sentences = (await readSentences()).slice(0, 100).map(({ text }) => text);
const sentence = (at: number) => sentences[at % sentences.length] ?? '';
const requests = sentences.map((text) => jsonRequest('/models/sentiment/predict', { inputs: text }));
const request = (at: number): HttpRequest => requests[at % requests.length] ?? jsonRequest('/', {});
const verdicts = new Verdicts();
const folder = await mkdtemp(path.join(tmpdir(), 'serval-rolling-'));
await cp(path.join(ROOT, 'models/sentiment/2'), path.join(folder, 'models/sentiment/2'), { recursive: true });
const replicas = await Replicas.of(REPLICAS, {
  models: path.join(folder, 'models'),
  settings: { WORKERS: 1, SHARE_IDENTICAL: 'false', LOG_LEVEL: 'info', SHUTDOWN_GRACE_MS: GRACE_MS },
});
const proxies: LoadBalancer[] = [];
try {
  await Promise.all(replicas.ports.map((_, at) => replicas.start(at)));
  for (const start of [LoadBalancer.nginx, LoadBalancer.haproxy]) {
    const own = path.join(folder, String(proxies.length));
    await mkdir(own);
    proxies.push(await start({ folder: own, replicas: replicas.ports }));
  }
  for (const balancer of proxies) await checkRoutes(balancer);
  await measure();
} finally {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await replicas.killAll();
  await rm(folder, { recursive: true, force: true });
}
verdicts.end();

/** What a proxy must not pass on, and what it must not answer itself. */
async function checkRoutes({ name, httpPort }: LoadBalancer): Promise<void> {
  const ask = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${httpPort}${path}`, init);
  const refused: number[] = [(await ask('/metrics')).status];
  for (const path of [
    '/repository/reload',
    '/v2/repository/models/sentiment/unload',
    '/models/sentiment/versions/2/unload',
    '/models/sentiment/versions/2/unlo%61d',
  ]) {
    refused.push((await ask(path, { method: 'POST' })).status);
  }
  const isRefused = refused.every((status) => status === 403);
  verdicts.check(`${name}: management and metrics are refused`, isRefused, refused.join(', '));
  const tooLarge: unknown[] = [];
  for (let at = 0; at < LARGE_REQUESTS; at++) {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: LARGE_BODY };
    const { code } = (await (await ask('/models/sentiment/predict', init)).json()) as { code?: unknown };
    tooLarge.push(code);
  }
  const isOurs = tooLarge.every((code) => code === 'SERVAL_BODY_TOO_LARGE');
  verdicts.check(`${name}: a body above the limit is refused by Serval`, isOurs, `${tooLarge.length} times`);
}

async function measure(): Promise<void> {
  const labels = await expectedLabels();
  const loads = proxies.map((proxy) => startLoad(proxy, labels));
  await delay(1_000);
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < REPLICAS; at++) {
      const { code } = await replicas.running(at).stop();
      if (code !== 0) verdicts.check(`round ${round}: exit code of replica ${at}`, false, String(code));
      await replicas.start(at);
      await delay(SEEN_MS);
    }
  }
  for (const { proxy, http, grpc } of loads) {
    const report = await http.stop();
    const calls = await grpc.stop();
    const retried = (await proxy.retries()).length;
    checkAnswers(`${proxy.name}: ${rounds} rolling restarts of ${REPLICAS} replicas`, report, retried);
    checkCalls(proxy, calls);
  }
  await killOne(labels);
}

/** A replica that works on long requests is gone from one moment to the next. */
async function killOne(labels: readonly string[]): Promise<void> {
  const before = await Promise.all(proxies.map(async (proxy) => (await proxy.retries()).length));
  const loads = proxies.map((proxy) => startLoad(proxy, labels));
  await delay(500);
  const long = proxies.flatMap((proxy) => Array.from({ length: LONG_REQUESTS }, () => isLongAnswered(proxy, labels)));
  await delay(KILL_AFTER_MS);
  const killedPorts = Object.values(replicas.ports[0] ?? {});
  for (const { grpc } of loads) grpc.serverKilled();
  await replicas.running(0).kill();
  const answered = (await Promise.all(long)).filter(Boolean).length;
  verdicts.check(
    'long requests answered, those in the killed replica too',
    answered === long.length,
    `${answered} of ${long.length}`,
  );
  await delay(2_000);
  for (const [at, { proxy, http, grpc }] of loads.entries()) {
    const report = await http.stop();
    const calls = await grpc.stop();
    // A call whose answer had begun cannot be sent to another replica.
    checkCalls(proxy, calls, ['OK', CUT_OFF]);
    const retries = (await proxy.retries()).slice(before[at]);
    checkAnswers(`${proxy.name}: one replica killed by kill -9`, report, retries.length);
    verdicts.check(
      `${proxy.name}: requests of the killed replica sent to another`,
      retries.length > 0,
      String(retries.length),
    );
    const others = retries.filter(({ firstPort }: Retry) => firstPort !== null && !killedPorts.includes(firstPort));
    if (proxy.name === 'nginx')
      verdicts.check('nginx: requests of the other replicas touched', others.length === 0, String(others.length));
  }
}

function startLoad(proxy: LoadBalancer, labels: readonly string[]) {
  const http = new CountedLoad({
    port: proxy.httpPort,
    rate,
    request,
    check: ({ body }, at) => {
      const isRight = labelsOf(body)[0] === labels[at % labels.length];
      return isRight ? null : `"${sentence(at)}": ${body}`;
    },
  });
  const grpc = new GrpcLoad({ port: proxy.grpcPort, rate: GRPC_RATE, message: (at) => inferMessage(sentence(at)) });
  return { proxy, http, grpc };
}

function checkAnswers(
  what: string,
  { sent, statuses, lost, refused, wrong, p50Ms, p99Ms }: CountedReport,
  retried: number,
): void {
  const failed = sent - (statuses['200'] ?? 0);
  console.log(`        ${what}: p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, ${retried} retried`);
  const how = `${failed} of ${sent}${failed === 0 ? '' : `: ${JSON.stringify({ ...statuses, lost, refused })}`}`;
  verdicts.check(`${what}: failed requests`, failed === 0, how);
  verdicts.check(`${what}: wrong answers`, wrong.length === 0, `${wrong.length} ${wrong[0] ?? ''}`);
}

function checkCalls(
  { name }: LoadBalancer,
  calls: Readonly<Record<string, number>>,
  allowed: readonly string[] = ['OK'],
): void {
  const isGood = calls.OK !== undefined && Object.keys(calls).every((ending) => allowed.includes(ending));
  verdicts.check(`gRPC calls through ${name}`, isGood, JSON.stringify(calls));
}

async function expectedLabels(): Promise<string[]> {
  const { predictions } = await replicas.running(0).predict({ inputs: sentences }, '/models/sentiment/predict');
  return predictions.map(({ label }) => label);
}

async function isLongAnswered(proxy: LoadBalancer, labels: readonly string[]): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${proxy.httpPort}/models/sentiment/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: sentences.slice(0, LONG_INPUTS) }),
  });
  return response.status === 200 && isDeepStrictEqual(labelsOf(await response.text()), labels.slice(0, LONG_INPUTS));
}

function labelsOf(body: string): string[] {
  const { predictions } = JSON.parse(body) as { readonly predictions: readonly { readonly label: string }[] };
  return predictions.map(({ label }) => label);
}

function inferMessage(text: string): object {
  const contents = { bytes_contents: [Buffer.from(text)] };
  return { model_name: 'sentiment', inputs: [{ name: 'text', datatype: 'BYTES', shape: [1], contents }] };
}
