import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import type { Config } from '../config.ts';
import { messageOf } from '../errors.ts';
import { ModelRepository } from '../repository/model-repository.ts';
import { type Finding, note, ok, problem } from './finding.ts';

const HEALTH_TIMEOUT_MS = 2_000;

/** What the models folder holds, as far as it can be told without loading it. */
export async function modelFindings({ models }: Pick<Config, 'models'>): Promise<Finding[]> {
  const repository = new ModelRepository(models);
  let passedOver: readonly string[];
  try {
    passedOver = await repository.read();
  } catch (error) {
    return [problem('Models', `${models} cannot be read: ${messageOf(error)}`, `mkdir -p ${models}`)];
  }
  const { records } = repository;
  const readable = records.filter(({ state }) => state !== 'failed');
  const names = readable.map(({ model, version }) => `${model}/${version}`).join(', ');
  const summary =
    readable.length === 0
      ? note('Models', `${models} holds no version that can be read; the server starts, and has nothing to serve`)
      : ok('Models', `${names} in ${models}`);
  return [
    summary,
    ...passedOver.map((text) => note('Models', text)),
    ...records
      .filter(({ state }) => state === 'failed')
      .map(({ model, version, reason }) => note('Models', `${model}/${version} will not be served: ${reason}`)),
  ];
}

/** Folders that are written to. */
export async function folderFindings({ snapshotDir, cacheDir }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  const snapshots = await whyNotWritable(snapshotDir);
  if (snapshots !== null) {
    findings.push(
      problem('Folders', `model files cannot be kept in ${snapshotDir}, see SERVAL_SNAPSHOT_DIR: ${snapshots}`),
    );
  }
  const cache = cacheDir === null ? null : await whyNotWritable(cacheDir);
  if (cache !== null) {
    const text = `workers cannot share weights in ${cacheDir}, see SERVAL_CACHE_DIR: ${cache}`;
    findings.push(note('Folders', `${text}. Each takes memory of its own.`));
  }
  return findings.length > 0
    ? findings
    : [ok('Folders', `${[snapshotDir, cacheDir ?? []].flat().join(' and ')} can be written`)];
}

/** Whether the server could listen; one that does already is no problem. */
export async function portFinding({
  host,
  port,
  tlsCert,
}: Pick<Config, 'host' | 'port' | 'tlsCert'>): Promise<Finding> {
  const about = 'Port';
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const error = await listenError(host, port);
  if (error === null) return ok(about, `${address} is free`);
  if (error.code === 'EADDRINUSE' && (await isServal(address))) return ok(about, `a Serval listens at ${address}`);
  // Nobody here trusts its certificate.
  if (error.code === 'EADDRINUSE' && tlsCert !== null) {
    return note(about, `somebody listens at ${address}: no problem if it is this server`);
  }
  if (error.code === 'EADDRINUSE')
    return problem(about, `another program listens at ${address}`, 'export SERVAL_PORT=8081');
  return problem(about, `cannot listen at ${address}: ${error.message}`);
}

function listenError(host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.ErrnoException | null>();
  const server = createServer();
  server.once('error', resolve);
  server.listen(port, host, () => server.close(() => resolve(null)));
  return promise;
}

async function isServal(address: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}/health/live`, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    return response.ok && response.headers.has('x-request-id');
  } catch {
    return false;
  }
}

/** Makes the folder where it is not there, as the server does. */
async function whyNotWritable(folder: string): Promise<string | null> {
  try {
    await mkdir(folder, { recursive: true });
    await rm(await mkdtemp(path.join(folder, 'serval-doctor-')), { recursive: true });
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
