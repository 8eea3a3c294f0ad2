import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { SETTINGS } from '../../src/settings.ts';
import { isInContext } from './bare-build.ts';
import { dockerfileStages, instructionsOf, variablesOf, wordsOf } from './dockerfile.ts';

const IMAGE = instructionsOf('serval');

function last(word: string): string | undefined {
  return IMAGE.findLast((instruction) => instruction.word === word)?.rest;
}

test('the image starts node as npm start does, which is process 1 and gets the signals', () => {
  expect(wordsOf(IMAGE, 'ENTRYPOINT').join(' ')).toBe(packageJson.scripts.start);
  expect(last('STOPSIGNAL')).toBe('SIGTERM');
});

test('it runs as a numbered user that is not root', () => {
  expect(last('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
});

test('its settings are settings', () => {
  const known = Object.keys(SETTINGS).map((name) => `SERVAL_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`);
  const names = Object.keys(variablesOf(IMAGE)).filter((name) => name.startsWith('SERVAL_'));
  expect(names).toContain('SERVAL_HOST');
  expect(names.filter((name) => !known.includes(name))).toEqual([]);
});

test('what is copied from the repository is in the build context, and nothing else is', () => {
  const copies = dockerfileStages()
    .flatMap(({ instructions }) => instructions)
    .filter(({ word, rest }) => word === 'COPY' && !rest.includes('--from='))
    .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
  expect(copies).toEqual(expect.arrayContaining(['package-lock.json', 'src', 'models']));
  expect(copies.filter((name) => !isInContext(name))).toEqual([]);
  expect(['.git', 'node_modules', 'tests', 'training'].filter(isInContext)).toEqual([]);
});

test('neither npm nor ONNX Runtime’s install script fetches CUDA parts into the image for CPUs', () => {
  const runs = instructionsOf('dependencies').filter(({ word }) => word === 'RUN');
  expect(runs.map(({ rest }) => rest).join('\n')).toContain('npm ci --omit=dev --ignore-scripts');
  expect(runs.some(({ rest }) => rest.includes('ONNXRUNTIME_NODE_INSTALL'))).toBe(false);
});
