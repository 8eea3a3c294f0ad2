import type { Scenario } from './scenarios.ts';
import type { Work } from './work.ts';

/** What is served: models of texts, of pictures, or all that are bundled. */
export type Kind = 'text' | 'images' | 'all';

/** Something whose speed is measured: Serval, a peer, or bare processes. */
export interface Target {
  readonly name: string;
  readonly title: string;
  readonly kinds: readonly Kind[];
  /** Once before the rounds; what is installed already is left. */
  readonly install: () => Promise<void>;
  /** Resolves when the first prediction was answered. */
  readonly start: (kind: Kind) => Promise<RunningTarget>;
}

/** Measured values by name, each with its unit in it. */
export type Figures = Readonly<Record<string, number>>;

export interface RunningTarget {
  /** From the command to the first answer. */
  readonly startUpSeconds: number;
  readonly measure: (order: Order) => Promise<Figures>;
  readonly stop: () => Promise<void>;
}

export interface Order {
  readonly scenario: Scenario;
  readonly work: Work;
  readonly seconds: number;
  /** Every round begins elsewhere in the work. */
  readonly round: number;
  /** Requests a second that an open loop's `times` multiplies. */
  readonly capacity: number;
}
