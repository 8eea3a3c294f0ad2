import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from '../../load-tests/free-port.ts';
import { startServal } from '../fixtures/serval-process.ts';

/**
 * `npm run test:clients`: the clients that people have, as their registries ship them, against a real server with the bundled
 * models. Nothing here imitates a client. Installs Python's and npm's into a throw-away environment.
 *
 *   --environment <folder>   keeps the environment there, and takes it again the next time
 *   --install                ends when the environment is there
 *   --junit <file>           writes the results of all clients into one file
 *   -- <arguments>           for pytest, such as -k tensorflow; npm's clients are left out then
 */
const { values: options, positionals: pytestArguments } = parseArgs({
  options: { environment: { type: 'string' }, install: { type: 'boolean' }, junit: { type: 'string' } },
  allowPositionals: true,
});

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = path.resolve(HERE, '../..');
/** pytest's exit code where its arguments leave no test of the file. */
const NOTHING_CHOSEN = 5;
const TRITON_GRPC = 'test_triton_grpc.py';
const NPM_CLIENTS = ['@huggingface/inference@4.13.30', 'axios@1.13.2'];

const work = await mkdtemp(path.join(tmpdir(), 'serval-clients-'));
const environment = path.resolve(options.environment ?? path.join(work, 'environment'));
try {
  await install();
  if (!options.install) process.exitCode = (await runClients()) ? 0 : 1;
} finally {
  await rm(work, { recursive: true, force: true });
}

/** Python's and npm's clients at the same time: each waits for its registry. */
async function install(): Promise<void> {
  const complete = path.join(environment, 'complete');
  if (existsSync(complete)) return;
  const begun = performance.now();
  await rm(environment, { recursive: true, force: true });
  await mkdir(path.join(environment, 'npm'), { recursive: true });
  await writeFile(path.join(environment, 'npm', 'package.json'), '{"private": true, "type": "module"}\n');
  const program = path.join(environment, 'python', 'bin', 'pip');
  // Compiling modules that nothing imports would be half of the time.
  const pip = (...args: string[]) => must(program, ['install', '--quiet', '--no-compile', ...args]);
  const python = async () => {
    await must('python3', ['-m', 'venv', path.join(environment, 'python')]);
    await pip('-r', path.join(HERE, 'requirements.txt'));
    await pip('--no-deps', '-r', path.join(HERE, 'requirements-without-dependencies.txt'));
  };
  const npm = () => must('npm', ['install', '--silent', '--prefix', path.join(environment, 'npm'), ...NPM_CLIENTS]);
  await Promise.all([python(), npm()]);
  await writeFile(complete, '');
  console.log(`clients installed in ${Math.round((performance.now() - begun) / 1000)} s`);
}

async function runClients(): Promise<boolean> {
  const python = path.join(environment, 'python', 'bin', 'python');
  const models = path.join(work, 'models');
  const references = path.join(work, 'references');
  await cp(path.join(ROOT, 'models'), models, { recursive: true });
  await must(python, [path.join(HERE, 'python', 'seeds.py'), models, references]);
  const grpcPort = await freePort();
  // One worker: requests that come one after another run in the same batches, whatever client sends them.
  const serval = await startServal({
    models,
    settings: { WORKERS: 1, LOG_LEVEL: 'info', GRPC_PORT: grpcPort },
  });
  try {
    const env = {
      SERVAL_URL: serval.url,
      SERVAL_GRPC: `127.0.0.1:${grpcPort}`,
      SERVAL_REFERENCES: references,
      SERVAL_NPM: path.join(environment, 'npm'),
      NODE: process.execPath,
      // Nothing but the server is to be asked.
      HF_ENDPOINT: serval.url,
      HF_HUB_DISABLE_TELEMETRY: '1',
    };
    const results = ['triton-grpc', 'python', 'node'].map((name) => path.join(work, `${name}.xml`));
    const [tritonResults = '', pythonResults = '', nodeResults = ''] = results;
    // A process of its own: Triton's and KServe's packages both bring the protocol's messages, and one process takes them once.
    const triton = path.join(HERE, 'python', TRITON_GRPC);
    const pytest = (file: string) => ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', `--junitxml=${file}`];
    const isTritonGood = await run(python, [...pytest(tritonResults), triton, ...pytestArguments], env);
    const others = [path.join(HERE, 'python'), `--ignore=${triton}`, ...pytestArguments];
    const isPythonGood = await run(python, [...pytest(pythonResults), '--durations=5', ...others], env);
    const isNodeGood = pytestArguments.length > 0 || (await runNode(nodeResults, env));
    if (options.junit !== undefined) await writeResults(options.junit, results);
    const bugs = serval.logged('request failed');
    for (const bug of bugs) console.error('FAILED: the log has', JSON.stringify(bug));
    return isTritonGood && isPythonGood && isNodeGood && bugs.length === 0;
  } finally {
    await serval.stop();
  }
}

async function runNode(results: string, env: Readonly<Record<string, string>>): Promise<boolean> {
  const folder = path.join(HERE, 'node');
  const files = (await readdir(folder)).map((name) => path.join(folder, name));
  const reporters = ['--test-reporter=spec', '--test-reporter-destination=stdout'];
  const junit = ['--test-reporter=junit', `--test-reporter-destination=${results}`];
  return run(process.execPath, ['--test', ...reporters, ...junit, ...files], env);
}

/** One file of JUnit; Node's cases stand outside of suites, which counters do not look at. */
async function writeResults(file: string, parts: readonly string[]): Promise<void> {
  const suites = await Promise.all(
    parts
      .filter((part) => existsSync(part))
      .map(async (part) => {
        const text = (await readFile(part, 'utf8'))
          .replace(/<\?xml[^>]*\?>/, '')
          .replaceAll(/<\/?testsuites[^>]*>/g, '');
        if (text.includes('<testsuite ')) return text;
        const [tests, failures] = ['<testcase ', '<failure '].map((tag) => text.split(tag).length - 1);
        return `<testsuite name="node" tests="${tests}" failures="${failures}" errors="0" skipped="0">${text}</testsuite>`;
      }),
  );
  await writeFile(file, `<?xml version="1.0" encoding="utf-8"?>\n<testsuites>${suites.join('\n')}</testsuites>\n`);
}

async function must(command: string, args: readonly string[]): Promise<void> {
  if (!(await run(command, args))) throw new Error(`failed: ${command} ${args.join(' ')}`);
}

async function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0 || (code === NOTHING_CHOSEN && pytestArguments.length > 0);
}
