import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { barPlot, linePlot, type Series } from './plot.ts';
import { RESULTS, type Results, ratiosOf, valuesOf } from './results.ts';
import { BOUND } from './rounds.ts';
import { bootstrapInterval, median } from './statistics.ts';
import { scenariosOf } from './terminal-table.ts';

/** A plot's file name, without folder, and its SVG. */
export interface NamedPlot {
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** @returns the files. */
export async function writePlots(plots: readonly NamedPlot[], folder = RESULTS): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  return Promise.all(
    plots.map(async ({ name, svg }) => {
      const file = path.join(folder, name);
      await writeFile(file, svg);
      return file;
    }),
  );
}

export function plotsOf(results: Results): NamedPlot[] {
  const works = [...new Set(scenariosOf(results).flatMap((name) => /^(.+?), /.exec(name)?.[1] ?? []))];
  return works.flatMap((work) => [
    ...(results.kind === 'peers' ? [throughputBars(results, work)] : []),
    ...lines(results, { work, place: CONNECTIONS, figure: 'rate' }),
    ...lines(results, { work, place: CAPACITY, figure: 'p50Ms' }),
    ...lines(results, { work, place: CAPACITY, figure: 'p99Ms' }),
    ...lines(results, { work, place: OVERLOAD, figure: 'goodputShare' }),
  ]);
}

/** An axis of scenarios: the number in their names. */
interface Axis {
  readonly name: string;
  readonly pattern: RegExp;
  readonly label: string;
  readonly isLog: boolean;
}

const CONNECTIONS: Axis = { name: 'connections', pattern: /, (\d+) connections$/, label: 'connections', isLog: true };
const CAPACITY: Axis = {
  name: 'load',
  pattern: /, ([\d.]+) of capacity$/,
  label: 'offered load, as a share of the server’s own capacity',
  isLog: false,
};
const OVERLOAD: Axis = {
  name: 'overload',
  pattern: /, (\d+) × overload$/,
  label: 'offered load, times what the machine can do',
  isLog: true,
};

const LABELS: Readonly<Record<string, string>> = {
  rate: 'answers a second',
  p50Ms: 'median latency, ms',
  p99Ms: 'p99 latency, ms',
  goodputShare: 'useful answers in time, share of capacity',
};

function lines(results: Results, { work, place, figure }: { work: string; place: Axis; figure: string }): NamedPlot[] {
  const scenarios = scenariosOf(results).filter((name) => name.startsWith(`${work}, `) && place.pattern.test(name));
  // One point is no line.
  if (scenarios.length < 2) return [];
  const series: Series[] = inOrder(results).map(({ name, title }) => ({
    name: title,
    points: scenarios.flatMap((scenario) => {
      const values = valuesOf(results, { target: name, scenario, figure });
      if (values.length === 0) return [];
      const { low, high } = bootstrapInterval(values);
      return [{ x: Number(place.pattern.exec(scenario)?.[1]), y: median(values), low, high }];
    }),
  }));
  const title = `${work}: ${LABELS[figure] ?? figure}`;
  const svg = linePlot({
    title,
    xLabel: place.label,
    yLabel: LABELS[figure] ?? figure,
    series: series.filter(({ points }) => points.length > 0),
    isLogX: place.isLog,
    isLogY: figure === 'p99Ms',
  });
  return [{ name: fileName(results, work, `${place.name}-${figure}`), title, svg }];
}

/** Requests a second at 16 connections, as ratios to the bare processes of the same round where they ran. */
function throughputBars(results: Results, work: string): NamedPlot {
  const scenario = `${work}, 16 connections`;
  const hasBound = results.targets.some(({ name }) => name === BOUND);
  const bars = inOrder(results).flatMap(({ name: target, title }) => {
    const values = hasBound
      ? ratiosOf(results, { target, base: BOUND, scenario, figure: 'rate' })
      : valuesOf(results, { target, scenario, figure: 'rate' });
    return values.length === 0 ? [] : [{ name: title, value: median(values), ...bootstrapInterval(values) }];
  });
  const title = `${work}, 16 connections: answers a second${hasBound ? ', 1 = two bare processes in a loop' : ''}`;
  const svg = barPlot({
    title,
    xLabel: 'median of the rounds, 95 % bootstrap interval',
    bars: bars.sort((a, b) => b.value - a.value),
    ...(hasBound ? { reference: 1 } : {}),
    highlighted: ['Serval'],
  });
  return { name: fileName(results, work, 'throughput'), title, svg };
}

/** Serval first, so that it has the first colour. */
function inOrder({ targets }: Results): Results['targets'] {
  return [...targets].sort((a, b) => Number(b.name === 'serval') - Number(a.name === 'serval'));
}

function fileName({ kind }: Results, work: string, what: string): string {
  return `${kind}-${work.replaceAll(' ', '-')}-${what}.svg`;
}
