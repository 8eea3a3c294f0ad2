import { SingleBar } from 'cli-progress';
import { DishonestRun } from './open-loop.ts';
import type { Results } from './results.ts';
import { closed, isOverload, type Scenario } from './scenarios.ts';
import type { Figures, Kind, RunningTarget, Target } from './target.ts';
import { readWork, type Work, type WorkName } from './work.ts';

export interface Plan {
  readonly targets: readonly Target[];
  readonly kind: Kind;
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Name of the target whose capacity is everyone's where a scenario says `bound`. */
  readonly bound?: string;
}

/** The target whose rate is the bound of overloads. */
export const BOUND = 'bare';

/** Runs a plan in rounds and collects what was measured. */
export class Rounds {
  readonly #plan: Plan;
  readonly #results: Results;
  readonly #bar: SingleBar;
  readonly #works = new Map<WorkName, Work>();
  /** Best closed-loop rates of the current round, by target and work. */
  readonly #rates = new Map<string, number>();

  constructor(plan: Plan, results: Results) {
    this.#plan = plan;
    this.#results = results;
    this.#bar = new SingleBar({
      format: '{bar} {percentage} % | {value}/{total} | {eta_formatted} left | {step}',
      hideCursor: true,
      noTTYOutput: true,
      notTTYSchedule: 10_000,
    });
  }

  /** One target lives at a time: A B C, A B C. What is idle elsewhere cannot disturb. */
  async inTurn(): Promise<void> {
    const { targets, rounds, scenarios, kind } = this.#plan;
    await this.#withBar(rounds * targets.length * scenarios.length, async () => {
      for (let round = 0; round < rounds; round++) {
        this.#rates.clear();
        for (const target of targets) {
          const left = scenarios.length;
          const done = await this.#attempt(target, 'start-up', async () => {
            const running = await target.start(kind);
            try {
              this.#add({ target, scenario: 'start-up', round }, { startUpSeconds: running.startUpSeconds });
              await this.#warmUp(target, running);
              return await this.#measureAll(target, running, round);
            } finally {
              await running.stop();
            }
          });
          this.#bar.increment(left - (done ?? 0));
        }
      }
    });
  }

  /** All targets live, one is loaded at a time, each scenario A B and in the next round B A. */
  async sideBySide(): Promise<void> {
    const { targets, rounds, scenarios, kind } = this.#plan;
    const living: { target: Target; running: RunningTarget }[] = [];
    await this.#withBar(rounds * targets.length * scenarios.length, async () => {
      try {
        for (const target of targets) {
          const running = await target.start(kind);
          living.push({ target, running });
          await this.#warmUp(target, running);
        }
        for (let round = 0; round < rounds; round++) {
          this.#rates.clear();
          for (const scenario of scenarios) {
            for (const { target, running } of round % 2 === 0 ? living : living.toReversed()) {
              await this.#attempt(target, scenario.name, () => this.#measure({ target, scenario, round }, running));
              this.#bar.increment();
            }
          }
        }
      } finally {
        await Promise.all(living.map(({ running }) => running.stop()));
      }
    });
  }

  async #withBar(total: number, run: () => Promise<void>): Promise<void> {
    this.#bar.start(total, 0, { step: '' });
    await run().finally(() => this.#bar.stop());
  }

  /** @returns how many scenarios were measured. */
  async #measureAll(target: Target, running: RunningTarget, round: number): Promise<number> {
    let done = 0;
    for (const scenario of this.#plan.scenarios) {
      await this.#attempt(target, scenario.name, () => this.#measure({ target, scenario, round }, running));
      done += 1;
      this.#bar.increment();
    }
    return done;
  }

  async #measure(place: { target: Target; scenario: Scenario; round: number }, running: RunningTarget): Promise<void> {
    const { target, scenario, round } = place;
    this.#bar.update({ step: `round ${round + 1}, ${target.name}: ${scenario.name}` });
    const capacity = this.#capacity(target, scenario);
    const work = await this.#work(scenario.work);
    const figures = await running.measure({ scenario, work, seconds: this.#plan.seconds, round, capacity });
    const key = rateKey(target.name, scenario.work);
    if (scenario.load.type === 'closed') {
      this.#rates.set(key, Math.max(this.#rates.get(key) ?? 0, figures.rate ?? 0));
    }
    this.#add({ target, scenario: scenario.name, round }, { ...figures, ...goodputShare(scenario, figures, capacity) });
  }

  #capacity(target: Target, { work, load }: Scenario): number {
    if (load.type === 'closed') return Number.NaN;
    const own = this.#rates.get(rateKey(target.name, work));
    const bound = load.of === 'bound' ? this.#rates.get(rateKey(this.#plan.bound ?? BOUND, work)) : undefined;
    const capacity = bound ?? own;
    if (capacity === undefined) throw new Error(`the capacity of ${target.name} is not known: no closed loop ran`);
    return capacity;
  }

  /** All kinds of work in turn: just-in-time compilers, caches and cost models settle. */
  async #warmUp(target: Target, running: RunningTarget): Promise<void> {
    const { scenarios, warmUpSeconds } = this.#plan;
    const names = new Set(scenarios.map(({ work }) => work));
    for (const name of names) {
      this.#bar.update({ step: `${target.name}: warming up` });
      const work = await this.#work(name);
      const order = { scenario: closed(name, 16), work, seconds: Math.max(1, warmUpSeconds / names.size), round: 0 };
      await running.measure({ ...order, capacity: Number.NaN });
    }
  }

  /** A target that fails does not end the others' measurements. */
  async #attempt<Value>(target: Target, step: string, run: () => Promise<Value>): Promise<Value | null> {
    try {
      return await run();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#results.failures.push(`${target.name}, ${step}: ${reason}`);
      // A server of ours that cheats or errs is the news of the run.
      if (error instanceof DishonestRun) process.exitCode = 1;
      return null;
    }
  }

  #add({ target, ...place }: { target: Target; scenario: string; round: number }, figures: Figures): void {
    for (const [figure, value] of Object.entries(figures)) {
      this.#results.samples.push({
        target: target.name,
        ...place,
        figure,
        value: Number.isFinite(value) ? value : null,
      });
    }
  }

  async #work(name: WorkName): Promise<Work> {
    const work = this.#works.get(name) ?? (await readWork(name));
    this.#works.set(name, work);
    return work;
  }
}

function rateKey(target: string, work: WorkName): string {
  return `${target} ${work}`;
}

function goodputShare(scenario: Scenario, { goodput }: Figures, capacity: number): Figures {
  return isOverload(scenario) && goodput !== undefined ? { goodputShare: goodput / capacity } : {};
}
