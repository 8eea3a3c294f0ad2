import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

interface Locked {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly deprecated?: string;
  readonly hasInstallScript?: boolean;
}

const text = await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8');
const { packages } = JSON.parse(text) as { packages: Record<string, Locked> };
const installed = Object.entries(packages).filter(([place]) => place !== '');

function names(wanted: (locked: Locked) => boolean): string[] {
  return installed.filter(([, locked]) => wanted(locked)).map(([place]) => place.replace(/^.*node_modules\//, ''));
}

test('every package is pinned to its bytes, wherever they come from', () => {
  expect(installed.length).toBeGreaterThan(100);
  expect(names(({ integrity = '' }) => !integrity.startsWith('sha512-'))).toEqual([]);
  expect(names(({ resolved }) => resolved !== undefined)).toEqual([]);
});

test('nothing that is shipped is given up by its authors', () => {
  expect(names(({ dev, deprecated }) => dev !== true && deprecated !== undefined)).toEqual([]);
});

test('somebody has decided about every package that wants to run a script when it is installed', () => {
  // fsevents is for macOS and has its own way in npm.
  const decided = [...Object.keys(packageJson.allowScripts), 'fsevents'];
  expect(names(({ hasInstallScript }) => hasInstallScript === true).filter((name) => !decided.includes(name))).toEqual(
    [],
  );
});
