import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Instruction {
  /** In capitals. */
  readonly word: string;
  /** Its continuation lines joined. */
  readonly rest: string;
}

export interface Stage {
  readonly name: string;
  /** Another stage, or an image. */
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of the Dockerfile, with its arguments at their defaults; nothing but what this repository's one uses. */
export function dockerfileStages(file = 'Dockerfile'): Stage[] {
  const text = readFileSync(`${ROOT}${file}`, 'utf8').replace(/^#.*\n/gm, '');
  const instructions = text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .flatMap((line) => {
      const [, word, rest] = /^([A-Z]+) +(.+)$/.exec(line.trim()) ?? [];
      return word === undefined || rest === undefined ? [] : [{ word, rest }];
    });
  const defaults = new Map<string, string>();
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructions) {
    const { word, rest } = instruction;
    const stage = stages.at(-1);
    if (word === 'FROM') {
      const [base = '', , name = ''] = rest.replaceAll(/\$\{(\w+)\}/g, (_, key) => defaults.get(key) ?? '').split(' ');
      stages.push({ name, base, instructions: [] });
    } else if (stage === undefined) {
      const [key = '', value = ''] = rest.split('=');
      defaults.set(key, value);
    } else stage.instructions.push(instruction);
  }
  return stages;
}

/** The instructions that the image is made by in the end: those of its base stages, then its own. */
export function instructionsOf(name: string, stages: readonly Stage[] = dockerfileStages()): Instruction[] {
  const stage = stages.find((candidate) => candidate.name === name);
  return stage === undefined ? [] : [...instructionsOf(stage.base, stages), ...stage.instructions];
}

/** `ENV A=1 B=2` as pairs. */
export function variablesOf(instructions: readonly Instruction[]): Record<string, string> {
  const pairs = instructions.filter(({ word }) => word === 'ENV').flatMap(({ rest }) => rest.split(' '));
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}

/** `CMD ["a", "b"]` or `ENTRYPOINT ["a", "b"]` as its words. */
export function wordsOf(instructions: readonly Instruction[], word: string): string[] {
  const rest = instructions.findLast((instruction) => instruction.word === word)?.rest ?? '[]';
  return JSON.parse(rest.slice(rest.indexOf('['))) as string[];
}
