import { percentile } from './statistics.ts';

/** What a server says in Server-Timing headers about the parts of its answers' time. */
export class ServerTimings {
  readonly #parts = new Map<string, number[]>();

  take(headers: Readonly<Record<string, string | string[] | undefined>>): void {
    const [, line] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'server-timing') ?? [];
    for (const [, name = '', ms] of String(line ?? '').matchAll(/(\w+);dur=([\d.]+)/g)) {
      const values = this.#parts.get(name) ?? [];
      values.push(Number(ms));
      this.#parts.set(name, values);
    }
  }

  /** The parts' medians, and what the client's median has beyond that of the run. */
  figures(p50Ms: number): Record<string, number> {
    const entries = [...this.#parts].map(([name, values]) => [`${name}P50Ms`, percentile(values, 0.5)] as const);
    const runP50Ms = entries.find(([name]) => name === 'runP50Ms')?.[1];
    return { ...Object.fromEntries(entries), ...(runP50Ms === undefined ? {} : { beyondRunP50Ms: p50Ms - runP50Ms }) };
  }
}
