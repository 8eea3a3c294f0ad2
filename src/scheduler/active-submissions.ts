import type { Submission } from './submission.ts';

/** How often requests past their deadline are looked for. */
const SWEEP_MS = 20;

/** Requests that were accepted and are not answered. */
export class ActiveSubmissions {
  readonly #active = new Set<Submission>();
  readonly #expired: (submission: Submission) => void;
  readonly #now: () => number;
  #sweep: NodeJS.Timeout | null = null;

  /** @param expired called for each request whose deadline has passed; must take it out. */
  constructor(now: () => number, expired: (submission: Submission) => void) {
    this.#now = now;
    this.#expired = expired;
  }

  get count(): number {
    return this.#active.size;
  }

  /** Those for one version. */
  of(versionKey: string): Submission[] {
    return [...this.#active].filter((submission) => submission.versionKey === versionKey);
  }

  add(submission: Submission): void {
    this.#active.add(submission);
    this.#sweep ??= setInterval(() => this.#expire(), SWEEP_MS).unref();
  }

  remove(submission: Submission): void {
    this.#active.delete(submission);
  }

  #expire(): void {
    const now = this.#now();
    for (const submission of this.#active) if (submission.deadlineAt <= now) this.#expired(submission);
    if (this.#active.size > 0 || this.#sweep === null) return;
    clearInterval(this.#sweep);
    this.#sweep = null;
  }
}
