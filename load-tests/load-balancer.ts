import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { waitFor } from '../tests/fixtures/serval-process.ts';
import { lastingPort } from './free-port.ts';
import { HttpConnection } from './http-connection.ts';
import { ROOT } from './serval-target.ts';

/** The proxies of deploy/, with the configurations that are there; only ports and places of files are others. */

/** Ports of deploy/'s configurations, and of the replicas here that take their place. */
export interface ReplicaPorts {
  readonly http: number;
  readonly grpc: number;
}

const HTTP_PORT = 8000;
const GRPC_PORT = 9000;
const FIRST_REPLICA = { http: 8081, grpc: 9081 };

export interface BalancerOptions {
  /** An empty folder of its own. */
  readonly folder: string;
  /** As many as the configurations name. */
  readonly replicas: readonly ReplicaPorts[];
}

/** A request that the proxy sent to a second replica. */
export interface Retry {
  /** Port of the replica that it was sent to first; null where the proxy's log does not say. */
  readonly firstPort: number | null;
  readonly status: number;
}

interface BalancerKind {
  readonly name: 'nginx' | 'haproxy';
  readonly configuration: string;
  /** Writes what is needed beside the configuration. @returns the command that runs in the foreground. */
  readonly prepare: (folder: string, configurationFile: string) => Promise<readonly [string, ...string[]]>;
  /** One line of the log of requests; null where it tells of no retry. */
  readonly retryOf: (line: string) => Retry | null;
  /** Where the log of requests is: null for standard output. */
  readonly requestLog: (folder: string) => string | null;
}

const NGINX: BalancerKind = {
  name: 'nginx',
  configuration: 'deploy/nginx/serval.conf',
  prepare: async (folder, configurationFile) => {
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    const main = path.join(folder, 'nginx.conf');
    // What Debian's own nginx.conf says, in a folder of its own.
    await writeFile(
      main,
      `daemon off;
worker_processes 2;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http { ${places.join(' ')} include ${configurationFile}; }
`,
    );
    return ['nginx', '-p', folder, '-c', main];
  },
  retryOf: (line) => {
    const [, status, first] = /" (\d{3}) .*upstream="[^"]*?:(\d+), /.exec(line) ?? [];
    return first === undefined ? null : { firstPort: Number(first), status: Number(status) };
  },
  requestLog: (folder) => path.join(folder, 'serval.log'),
};

const HAPROXY: BalancerKind = {
  name: 'haproxy',
  configuration: 'deploy/haproxy/haproxy.cfg',
  prepare: async (_folder, configurationFile) => ['haproxy', '-db', '-f', configurationFile],
  retryOf: (line) => {
    const [, status] = /" (\d{3}) .*retries=\+[1-9]/.exec(line) ?? [];
    return status === undefined ? null : { firstPort: null, status: Number(status) };
  },
  requestLog: () => null,
};

export class LoadBalancer {
  readonly name: BalancerKind['name'];
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly #kind: BalancerKind;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #output = '';
  #isOver = false;

  static nginx(options: BalancerOptions): Promise<LoadBalancer> {
    return LoadBalancer.#start(NGINX, options);
  }

  static haproxy(options: BalancerOptions): Promise<LoadBalancer> {
    return LoadBalancer.#start(HAPROXY, options);
  }

  static async #start(kind: BalancerKind, { folder, replicas }: BalancerOptions): Promise<LoadBalancer> {
    const ports = { http: await lastingPort(), grpc: await lastingPort() };
    // nginx' workers are another user when root starts it.
    await chmod(folder, 0o755);
    const file = path.join(folder, path.basename(kind.configuration));
    await writeFile(
      file,
      withPorts(await readFile(path.join(ROOT, kind.configuration), 'utf8'), ports, replicas).replaceAll(
        '/var/log/nginx',
        folder,
      ),
    );
    const proxy = new LoadBalancer(kind, folder, ports, await kind.prepare(folder, file));
    await waitFor(async () => proxy.#isOver || (await proxy.#accepts())).catch(() => {});
    if (proxy.#isOver || !(await proxy.#accepts())) {
      await proxy.stop();
      throw new Error(`${kind.name} does not serve:\n${proxy.#output}`);
    }
    return proxy;
  }

  private constructor(
    kind: BalancerKind,
    folder: string,
    ports: ReplicaPorts,
    command: readonly [string, ...string[]],
  ) {
    this.name = kind.name;
    this.httpPort = ports.http;
    this.grpcPort = ports.grpc;
    this.#kind = kind;
    this.#folder = folder;
    const [program, ...args] = command;
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = new Promise((resolve) => {
      const end = () => {
        this.#isOver = true;
        resolve();
      };
      this.#child.once('close', end);
      this.#child.once('error', (error) => {
        this.#output += `${error.message}\n`;
        end();
      });
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.#output += bytes.toString();
      });
    }
  }

  /** What it wrote: HAProxy's requests, nginx' complaints. */
  get output(): string {
    return this.#output;
  }

  /** Requests so far that were sent to a second replica. */
  async retries(): Promise<Retry[]> {
    const file = this.#kind.requestLog(this.#folder);
    const text = file === null ? this.#output : await readFile(file, 'utf8');
    return text.split('\n').flatMap((line) => this.#kind.retryOf(line) ?? []);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }

  /** Whether it passes a request on to a replica. */
  async #accepts(): Promise<boolean> {
    const connection = new HttpConnection({ host: '127.0.0.1', port: this.httpPort });
    try {
      const request = `GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`;
      return (await connection.send(Buffer.from(request))).status === 200;
    } catch {
      return false;
    } finally {
      connection.close();
    }
  }
}

/** @throws Error where the configuration does not have the ports that are to be replaced. */
function withPorts(configuration: string, own: ReplicaPorts, replicas: readonly ReplicaPorts[]): string {
  const listening = { [HTTP_PORT]: own.http, [GRPC_PORT]: own.grpc };
  let text = configuration;
  for (const [port, ours] of Object.entries(listening)) {
    text = replaced(
      text,
      new RegExp(`(listen |bind :)${port}\\b`, 'g'),
      (keyword) => `${keyword.replace(':', '')}127.0.0.1:${ours}`,
    );
  }
  for (const [at, { http, grpc }] of replicas.entries()) {
    text = replaced(text, new RegExp(`\\b${FIRST_REPLICA.http + at}\\b`, 'g'), () => String(http));
    text = replaced(text, new RegExp(`\\b${FIRST_REPLICA.grpc + at}\\b`, 'g'), () => String(grpc));
  }
  return text;
}

function replaced(text: string, pattern: RegExp, by: (keyword: string) => string): string {
  const next = text.replace(pattern, (_, keyword: unknown) => by(typeof keyword === 'string' ? keyword : ''));
  if (next === text) throw new Error(`the configuration has no ${pattern.source}`);
  return next;
}
