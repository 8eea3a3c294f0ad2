import type { NamedPlot } from './result-plots.ts';
import { type Results, ratiosOf, valuesOf } from './results.ts';
import { BOUND } from './rounds.ts';
import { bootstrapInterval, median } from './statistics.ts';
import { ratioText, scenariosOf } from './terminal-table.ts';

/** A column of the comparison, for one work. */
interface Column {
  readonly title: string;
  /** Name of the scenario, without the work. */
  readonly scenario: string;
  readonly figure: string;
  readonly digits: number;
  readonly isMoreBetter: boolean;
  /** Shown as the ratio to the bare processes of the same round. */
  readonly isRatio: boolean;
}

const LESS = { isMoreBetter: false, isRatio: false };
const MORE = { isMoreBetter: true, isRatio: false };

const COLUMNS: readonly Column[] = [
  { title: 'answers/s, 16 connections', scenario: '16 connections', figure: 'rate', digits: 0, ...MORE },
  { title: '÷ bare', scenario: '16 connections', figure: 'rate', digits: 2, isMoreBetter: true, isRatio: true },
  { title: 'answers/s, 64', scenario: '64 connections', figure: 'rate', digits: 0, ...MORE },
  { title: '÷ bare', scenario: '64 connections', figure: 'rate', digits: 2, isMoreBetter: true, isRatio: true },
  { title: 'CPU ms a request, 16', scenario: '16 connections', figure: 'cpuMs', digits: 2, ...LESS },
  { title: 'CPU ms, 64', scenario: '64 connections', figure: 'cpuMs', digits: 2, ...LESS },
  { title: 'idle p50 ms', scenario: '1 connections', figure: 'p50Ms', digits: 2, ...LESS },
  { title: 'idle p99 ms', scenario: '1 connections', figure: 'p99Ms', digits: 1, ...LESS },
  { title: 'p50 ms at 0.8 load', scenario: '0.8 of capacity', figure: 'p50Ms', digits: 1, ...LESS },
  { title: 'p99 ms at 0.8 load', scenario: '0.8 of capacity', figure: 'p99Ms', digits: 1, ...LESS },
  { title: 'useful share at 2 ×', scenario: '2 × overload', figure: 'goodputShare', digits: 2, ...MORE },
  { title: '5 ×', scenario: '5 × overload', figure: 'goodputShare', digits: 2, ...MORE },
  { title: '10 ×', scenario: '10 × overload', figure: 'goodputShare', digits: 2, ...MORE },
  { title: 'normal again after 10 ×, s', scenario: '10 × overload', figure: 'recoverySeconds', digits: 1, ...LESS },
  { title: 'memory (PSS) MB', scenario: '64 connections', figure: 'pssMb', digits: 0, ...LESS },
];

const SERVAL = 'serval';
const NOTHING = '–';

export interface ReportedRuns {
  /** Texts and photographs may have runs of their own; of several with the same work the first one counts, the others follow. */
  readonly peers: readonly Results[];
  readonly batching: Results | null;
}

/** The document: what was measured, on what, how, and where Serval loses. */
export function report({ peers, batching }: ReportedRuns, plots: readonly NamedPlot[]): string {
  const all = ['text real', 'images'].map((work) =>
    peers
      .filter((results) => scenariosOf(results).some((name) => name.startsWith(`${work}, `)))
      .map((run) => ({ work, run })),
  );
  const works = all.flatMap((runs) => runs.slice(0, 1));
  const failures = peers.flatMap((run) => run.failures);
  return `${[
    '# Benchmarks',
    '<!-- Written by `npm run bench:report`: change load-tests/, not this file. -->',
    'Serval beside what people use instead and beside bare processes, on one machine, in one interleaved run. Ratios travel between machines better than figures: measure on yours with the commands below.',
    ...works.flatMap(({ work, run }) => workSection(run, work, plots)),
    ...works.slice(0, 1).map(({ work, run }) => startUpSection(run, work)),
    losses(works),
    ...all.flatMap((runs) => runs.slice(1)).flatMap(({ work, run }) => workSection(run, work, null)),
    ...(batching === null ? [] : [batchingSection(batching)]),
    METHOD,
    ...(failures.length === 0 ? [] : [failureSection(failures)]),
  ].join('\n\n')}\n`;
}

function machineLines({ machine, date, command, rounds, seconds }: Results): string {
  const busy =
    machine.loadBefore > BUSY_LOAD
      ? `**The machine was busy with other work** (load average ${machine.loadBefore.toFixed(1)} before the run): the figures are lower, and scatter more, than on a quiet one; do not quote them.`
      : `The machine was otherwise quiet (load average ${machine.loadBefore.toFixed(1)} before the run).`;
  return [
    `- Machine: ${machine.cpu}, ${machine.cores} cores (${machine.features.join(', ')}), ${machine.memoryGb} GB, Linux ${machine.kernel}, Node ${machine.node}`,
    `- Date and commit: ${date.slice(0, 10)}, ${machine.commit}`,
    `- Command: \`${command}\`: ${rounds} rounds, ${seconds} s a scenario`,
    `- ${busy}`,
  ].join('\n');
}

const BUSY_LOAD = 0.5;

/** @param plots null for a run beside the one that counts, which is not drawn. */
function workSection(results: Results, work: string, plots: readonly NamedPlot[] | null): string[] {
  const columns = COLUMNS.filter(({ scenario, figure }) =>
    results.targets.some(
      ({ name }) => valuesOf(results, { target: name, scenario: `${work}, ${scenario}`, figure }).length > 0,
    ),
  );
  const header = ['', ...columns.map(({ title }) => title)];
  const rows = results.targets.map(({ name, title }) => [
    name === SERVAL ? `**${title}**` : title,
    ...columns.map((column) => cell(results, work, column, name)),
  ]);
  return [
    `## ${work === 'images' ? 'Photographs (imagenet/1)' : 'Texts (sentiment/2, the test split)'}${plots === null ? ', another run' : ''}`,
    machineLines(results),
    'Medians of the rounds, with the 95 % bootstrap interval below.',
    table([header, ...rows]),
    ...(plots ?? [])
      .filter(({ name }) => name.includes(`-${work.replaceAll(' ', '-')}-`))
      .map(({ name, title }) => `![${title}](benchmarks/${name})`),
  ];
}

function cell(results: Results, work: string, column: Column, target: string): string {
  const values = columnValues(results, work, column, target);
  if (values.length === 0) return NOTHING;
  const { low, high } = bootstrapInterval(values);
  const [middle, from, to] = [median(values), low, high].map((value) => value.toFixed(column.digits));
  return values.length === 1 ? `${middle}` : `${middle}<br><sub>${from}–${to}</sub>`;
}

function columnValues(results: Results, work: string, column: Column, target: string): number[] {
  const scenario = `${work}, ${column.scenario}`;
  const { figure } = column;
  return column.isRatio
    ? ratiosOf(results, { target, base: BOUND, scenario, figure })
    : valuesOf(results, { target, scenario, figure });
}

function startUpSection(results: Results, work: string): string {
  const rows = results.targets.map(({ name, title }) => {
    const values = valuesOf(results, { target: name, scenario: 'start-up', figure: 'startUpSeconds' });
    return [title, values.length === 0 ? NOTHING : median(values).toFixed(2)];
  });
  const title = `## From the command to the first answer (${work === 'images' ? 'a photograph' : 'a text'})`;
  return [title, table([['', 'seconds'], ...rows])].join('\n\n');
}

/** Each column in which a server is ahead of Serval; bare processes are no servers. */
function losses(works: readonly { readonly work: string; readonly run: Results }[]): string {
  const lines = works.flatMap(({ work, run }) =>
    COLUMNS.filter(({ isRatio }) => !isRatio).flatMap((column) => {
      const own = median(columnValues(run, work, column, SERVAL));
      const servers = run.targets.filter(({ name }) => !name.startsWith(BOUND));
      return servers.flatMap(({ name, title }) => {
        const other = median(columnValues(run, work, column, name));
        const isAhead = column.isMoreBetter ? other > own : other < own;
        if (!isAhead) return [];
        const where = `${work}, ${column.scenario}, ${column.title}`;
        return [`- ${where}: ${title} has ${other.toFixed(column.digits)}, Serval ${own.toFixed(column.digits)}`];
      });
    }),
  );
  const text = lines.length === 0 ? 'In no column of this run is a peer’s median ahead of Serval’s.' : lines.join('\n');
  return `## Where Serval loses\n\n${text}`;
}

function batchingSection(results: Results): string {
  const rows = scenariosOf(results)
    .filter((scenario) => scenario !== 'start-up')
    .map((scenario) => {
      const ratio = (figure: string) => {
        const ratios = ratiosOf(results, { target: 'on', base: 'off', scenario, figure });
        return ratios.length === 0 ? NOTHING : ratioText(ratios);
      };
      return [scenario, ratio('rate'), ratio('cpuMs'), ratio('p99Ms')];
    });
  return [
    '## Batches of up to 16 against none',
    machineLines(results),
    'Ratios, on ÷ off, each with its 95 % bootstrap interval.',
    table([['', 'answers/s', 'CPU a request', 'p99'], ...rows]),
  ].join('\n\n');
}

function failureSection(failures: readonly string[]): string {
  return `## What failed in this run\n\n${failures.map((failure) => `- ${failure}`).join('\n')}`;
}

const METHOD = `## How it is measured

- Each round starts every target once, one at a time, warms it up with requests for 10 s (or what --warm-up says; 1.5 s in runs from before it), measures it and stops it: A B C, A B C. Ratios are taken within a round.
- All serve the same files: the same model, tokenizer and preprocessing settings, with the same version of ONNX Runtime and one thread a session; two processes run sessions, except where a row says otherwise. Access logs of the peers are off, Serval's is on, as by default. Their pins and their few lines of code are in \`load-tests/peers/\`.
- Texts: the sentiment test split in file order, equal ones once, cut into one part a connection. Photographs: the golden ones of imagenet/1 (without a grey one with transparency, which transformers.js cannot read), each connection from another offset, with bytes behind each file that make every request different. No two requests in flight are equal, sharing and caching are off, and a run in which an answer was shared, cached or not 2xx outside overloads is thrown away.
- "Bare" is two processes that encode and run inputs in a loop with no server around them; "run only" has encoded them before.
- Closed loops (autocannon) measure throughput; idle is one connection. Latency under load comes from an open loop: Poisson arrivals, latency from the time at which a request was due, so that a slow server cannot slow the clients down. 0.8 load is 0.8 of each one's own best closed-loop rate.
- Overload is 2, 5 and 10 times what the bare processes do, the same flood for all, with deadlines of 500 ms and half of the requests on new connections. The useful share is answers 2xx in time, by what the bare processes do. The bare row is what they still do while the same generator floods a bare node:http server that answers 429: generator and refusals have a price of their own, which no server escapes. "Normal again" is five answers in a row within 100 ms on new connections; 15 s where that takes longer.
- CPU is that of the whole process tree, the client's not counted; memory is PSS: pages that processes share are counted once. The client runs on the same machine and takes its share of the cores from every server alike.

\`\`\`
npm run bench:peers            # this page's tables; --rounds 1 --seconds 2 --only bare,serval,fastapi for a first look
npm run bench:batching
npm run bench:report           # writes this page from the latest results
npm run bench                  # Serval alone: short, real and long texts, photographs, mixed models, load curves
npm run bench:compare -- main  # your working tree against a commit
\`\`\``;

function table(rows: readonly (readonly string[])[]): string {
  const [header = [], ...rest] = rows;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map((_, at) => (at === 0 ? '---' : '--:'))), ...rest.map(line)].join('\n');
}
