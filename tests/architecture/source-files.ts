import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../../src/', import.meta.url));

export interface SourceFile {
  /** Relative to src/, as `http/app.ts`. */
  readonly name: string;
  /** The folder directly in src/, or the file itself where it lies there, as `errors.ts`. */
  readonly room: string;
  readonly lines: number;
  /** Files of src/ that it imports, and the packages. */
  readonly files: readonly ImportedFile[];
  readonly packages: readonly string[];
}

export interface ImportedFile {
  readonly name: string;
  readonly room: string;
  /** Gone at run time. */
  readonly typeOnly: boolean;
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`. */
const IMPORT = /^(?:import|export)\s([^'";]*?from\s*)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

/** Every file of src/ with what it imports. */
export function sourceFiles(): SourceFile[] {
  const names = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(isSource);
  return names.map((name) => readSource(name));
}

function readSource(name: string): SourceFile {
  const text = readFileSync(path.join(SOURCE, name), 'utf8');
  const files: ImportedFile[] = [];
  const packages: string[] = [];
  for (const [statement, , from, dynamic] of text.matchAll(IMPORT)) {
    const imported = from ?? dynamic ?? '';
    if (!imported.startsWith('.')) packages.push(packageOf(imported));
    else if (isSource(imported)) {
      const file = path.posix.normalize(path.posix.join(path.posix.dirname(name), imported));
      files.push({ name: file, room: roomOf(file), typeOnly: /^(import|export) type\s/.test(statement) });
    }
  }
  return { name, room: roomOf(name), lines: text.split('\n').length - 1, files, packages };
}

/** JavaScript where Node shall not load its compiler for types. */
function isSource(name: string): boolean {
  return name.endsWith('.ts') || name.endsWith('.js');
}

function roomOf(name: string): string {
  return name.split('/')[0] ?? name;
}

/** `@fastify/swagger/x` is of the package `@fastify/swagger`. */
function packageOf(imported: string): string {
  const parts = imported.split('/');
  return parts.slice(0, imported.startsWith('@') ? 2 : 1).join('/');
}
