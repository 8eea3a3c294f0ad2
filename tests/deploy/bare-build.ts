import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Instruction, ROOT, type Stage } from './dockerfile.ts';

/** Paths of the image that steps name, which lie in the stage's folder here. */
const IN_THE_IMAGE = /(?<=\s)\/(?=serval|var\/|tmp\/)/g;

/**
 * Does what the Dockerfile says without a container: each stage is a folder, each COPY a copy, each RUN a shell in it.
 * What base images bring is this machine's.
 * @returns the folder that has become the root of the image.
 */
export function buildBare(stages: readonly Stage[], target: string, folder: string): string {
  const root = path.join(folder, target);
  if (existsSync(root)) return root;
  const stage = stages.find(({ name }) => name === target);
  if (stage === undefined) throw new Error(`the Dockerfile has no stage ${target}`);
  mkdirSync(path.join(root, 'usr/local/bin'), { recursive: true });
  chmodSync(root, 0o755);
  if (stages.some(({ name }) => name === stage.base)) {
    cpSync(buildBare(stages, stage.base, folder), root, { recursive: true, verbatimSymlinks: true });
  } else {
    cpSync(process.execPath, path.join(root, 'usr/local/bin/node'));
  }
  const build = { root, folder, stages, workdir: '/' };
  for (const instruction of stage.instructions) step(build, instruction);
  return root;
}

interface Build {
  readonly root: string;
  readonly folder: string;
  readonly stages: readonly Stage[];
  workdir: string;
}

function step(build: Build, { word, rest }: Instruction): void {
  const { root } = build;
  switch (word) {
    case 'WORKDIR':
      build.workdir = rest;
      mkdirSync(path.join(root, rest), { recursive: true });
      break;
    case 'COPY':
      copy(build, rest.split(/\s+/));
      break;
    case 'RUN': {
      mkdirSync(path.join(root, 'var/cache'), { recursive: true });
      const script = ` ${rest}`.replaceAll(IN_THE_IMAGE, `${root}/`);
      const PATH = `${root}/usr/local/bin:${path.dirname(process.execPath)}:${process.env.PATH}`;
      const cwd = path.join(root, build.workdir);
      execFileSync('bash', ['-euo', 'pipefail', '-c', script], { cwd, env: { ...process.env, PATH }, stdio: 'pipe' });
      break;
    }
    case 'ENV':
    case 'USER':
    case 'EXPOSE':
    case 'HEALTHCHECK':
    case 'STOPSIGNAL':
    case 'ENTRYPOINT':
      break;
    default:
      throw new Error(`no rule for the instruction ${word}`);
  }
}

function copy({ root, folder, stages, workdir }: Build, words: readonly string[]): void {
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const [to = '', ...sources] = words.filter((word) => !word.startsWith('--')).reverse();
  const context = from === undefined ? ROOT : buildBare(stages, from, folder);
  for (const source of sources) {
    if (from === undefined && !isInContext(source)) throw new Error(`.dockerignore keeps ${source} out`);
    const isFolder = !to.endsWith('/') || sources.length === 1;
    const place = path.resolve('/', workdir, isFolder && to !== './' ? to : path.join(to, path.basename(source)));
    cpSync(path.join(context, source), path.join(root, place), { recursive: true, verbatimSymlinks: true });
  }
}

/** Whether .dockerignore, which begins with `*`, lets a top-level path through. */
export function isInContext(name: string): boolean {
  return readFileSync(`${ROOT}.dockerignore`, 'utf8')
    .split('\n')
    .includes(`!${name.replace(/\/$/, '')}`);
}
