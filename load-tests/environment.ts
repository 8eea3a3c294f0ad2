import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { CACHE } from './serval-target.ts';

const exec = promisify(execFile);
const OUTPUT_BYTES = 50e6;

/** Folder of a peer's own packages. */
export function environmentFolder(name: string): string {
  return path.join(CACHE, 'peers', name);
}

/** A virtual environment with the packages of the peer's requirements.txt; made again where the pins changed. */
export async function installPython(name: string, peerFolder: string): Promise<void> {
  const requirements = path.join(peerFolder, 'requirements.txt');
  await once(name, requirements, async (folder) => {
    await exec('python3', ['-m', 'venv', folder]);
    const args = ['install', '--quiet', '--disable-pip-version-check', '--requirement', requirements];
    await exec(path.join(folder, 'bin/pip'), args, { maxBuffer: OUTPUT_BYTES });
  });
}

/** A folder with the peer's package.json, its packages and its server. */
export async function installNode(name: string, peerFolder: string): Promise<void> {
  await once(name, path.join(peerFolder, 'package.json'), async (folder) => {
    await cp(path.join(peerFolder, 'package.json'), path.join(folder, 'package.json'));
    // Without scripts: onnxruntime-node's would only fetch CUDA parts.
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
    await exec('npm', args, { cwd: folder, maxBuffer: OUTPUT_BYTES });
  });
  await cp(path.join(peerFolder, 'server.js'), path.join(environmentFolder(name), 'server.js'));
}

const STAMP = 'installed.sha256';

async function once(name: string, pins: string, install: (folder: string) => Promise<void>): Promise<void> {
  const folder = environmentFolder(name);
  const hash = createHash('sha256')
    .update(await readFile(pins))
    .digest('hex');
  const stamp = path.join(folder, STAMP);
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await install(folder);
  await writeFile(stamp, hash);
}
