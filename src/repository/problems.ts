import type { z } from 'zod';

/** Collects everything that is wrong with a version's folder, so that it is reported at once. */
export class Problems {
  readonly #lines: string[] = [];

  /** `field` may be empty where the whole file is meant. */
  add(file: string, field: string, message: string): void {
    this.#lines.push(field === '' ? `${file}: ${message}` : `${file}: ${field}: ${message}`);
  }

  addIssues(file: string, issues: readonly z.core.$ZodIssue[]): void {
    for (const issue of issues) this.add(file, issue.path.join('.'), issue.message);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  get found(): boolean {
    return this.#lines.length > 0;
  }

  /** @throws FolderError when there are any. */
  throwIfFound(): void {
    if (this.found) throw new FolderError(this.#lines);
  }
}

/** A version's folder cannot be served; each line names a file, where it applies a field, and what to change. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}
