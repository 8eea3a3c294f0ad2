import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Config, ConfigError, parseConfig } from '../config.ts';
import { type Machine, readMachine } from '../machine/machine.ts';
import { cpuFeatures } from '../workers/cpu-features.ts';
import { cudaLibrary, findCuda } from '../workers/execution-provider.ts';
import { cudaFinding } from './cuda-finding.ts';
import { type Finding, ok, problem } from './finding.ts';
import { coresFinding, cpuFinding, memoryFinding } from './machine-findings.ts';
import { folderFindings, modelFindings, portFinding } from './server-findings.ts';

const run = promisify(execFile);

const RUNTIME_PROBE = fileURLToPath(new URL('../workers/runtime-probe.ts', import.meta.url));
const REINSTALL = 'rm -rf node_modules && npm ci';

/** Looks at everything that a start needs, or gains by. */
export async function examine(environment: NodeJS.ProcessEnv): Promise<Finding[]> {
  const machine = readMachine();
  const settings = readSettings(environment, machine);
  // What can be told without the settings is told as if there were none.
  const config = settings.config ?? parseConfig({}, machine);
  const features = new Set((await cpuFeatures()).split(' '));
  return [
    ok('Node', `${process.version} for ${process.platform}/${process.arch}`),
    await runtimeFinding(),
    await lookForCuda(config),
    cpuFinding(os.cpus()[0]?.model ?? 'unknown', features),
    coresFinding(machine, config),
    memoryFinding(machine),
    ...settings.findings,
    await portFinding(config),
    ...(await folderFindings(config)),
    ...(await modelFindings(config)),
  ];
}

function readSettings(
  environment: NodeJS.ProcessEnv,
  machine: Machine,
): { config: Config | null; findings: Finding[] } {
  const given = Object.keys(environment).filter((name) => name.startsWith('SERVAL_'));
  try {
    const config = parseConfig(environment, machine);
    return { config, findings: [ok('Settings', given.length === 0 ? 'all as they are by default' : given.join(', '))] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { config: null, findings: error.problems.map((text) => problem('Settings', text)) };
  }
}

/** In a child process, as a library that does not fit may end who loads it. */
async function runtimeFinding(): Promise<Finding> {
  const about = 'ONNX Runtime';
  try {
    const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
    const { stdout } = await run(process.execPath, [RUNTIME_PROBE], { env });
    return ok(about, `${stdout.trim()} runs on the CPU; sharp loads`);
  } catch (error) {
    const { stderr = '', signal = null } = error as { stderr?: string; signal?: string | null };
    const reason = /^(?:\w*Error): (.*)$/m.exec(stderr)?.[1] ?? signal ?? 'it ended without a word';
    return problem(about, `workers cannot load it: ${reason}`, REINSTALL);
  }
}

async function lookForCuda(config: Config): Promise<Finding> {
  const cuda = await findCuda(config);
  return cudaFinding({
    cuda,
    platform: `${process.platform}/${process.arch}`,
    missing: cuda.state === 'failed' ? await missingLibraries(cudaLibrary()) : [],
    hasDriver: await access('/proc/driver/nvidia').then(
      () => true,
      () => false,
    ),
  });
}

/** What the system's loader does not find for a library. */
async function missingLibraries(library: string): Promise<string[]> {
  try {
    const { stdout } = await run('ldd', [library]);
    return [...stdout.matchAll(/^\s*(\S+) => not found$/gm)].map(([, name = '']) => name);
  } catch {
    // Without ldd, the probe's own words have to do.
    return [];
  }
}
