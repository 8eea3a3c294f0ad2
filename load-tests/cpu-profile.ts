/** A V8 CPU profile, as `--cpu-prof` writes it (https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile). */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Node on the top of the stack at each sample. */
  readonly samples: readonly number[];
  /** µs before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** The part of the work that a stack frame stands for; null where its callers say. */
export type PartOf = (frame: ProfileNode['callFrame']) => string | null;

/**
 * Time on the processor by part, in ms: each sample counts for the innermost frame that stands for one.
 * @param fromMs what was before is left out.
 */
export function timeByPart(profile: CpuProfile, partOf: PartOf, fromMs: number): Map<string, number> {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const callers = new Map<number, number>();
  for (const { id, children = [] } of profile.nodes) for (const child of children) callers.set(child, id);
  const parts = new Map<number, string>();
  const find = (id: number): string => {
    for (let at: number | undefined = id; at !== undefined; at = callers.get(at)) {
      const node = nodes.get(at);
      const part = node === undefined ? null : partOf(node.callFrame);
      if (part !== null) return part;
    }
    return 'other';
  };
  const times = new Map<string, number>();
  let atMs = 0;
  for (const [index, id] of profile.samples.entries()) {
    const tookMs = (profile.timeDeltas[index] ?? 0) / 1000;
    atMs += tookMs;
    if (atMs < fromMs) continue;
    const part = parts.get(id) ?? find(id);
    parts.set(id, part);
    times.set(part, (times.get(part) ?? 0) + tookMs);
  }
  return times;
}
