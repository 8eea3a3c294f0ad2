/** What the dashboard asks Prometheus, and how it is shown. `npm run dashboard` writes the JSON that Grafana reads. */

export interface Query {
  readonly expr: string;
  /** What a series is called: text with {{label}}s. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly kind: 'lines' | 'stacked' | 'number' | 'table';
  /** Grafana's name of the unit. */
  readonly unit: 'reqps' | 'percentunit' | 's' | 'bytes' | 'short' | 'ops';
  /** Of the 24 columns of a row. */
  readonly width: 4 | 6 | 8 | 12 | 24;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const INSTANCE = 'job="serval", instance=~"$instance"';
const MODEL = `${INSTANCE}, model=~"$model"`;
/** Health checks and scrapes are no traffic. */
const TRAFFIC = `${INSTANCE}, route!~"(.*/)?(health|metrics)(/.*)?"`;

function rate(counter: string, matchers = MODEL): string {
  return `rate(${counter}{${matchers}}[$__rate_interval])`;
}

/** Percentiles of a histogram over all instances, with further labels kept. */
function percentiles(histogram: string, legend: string, { of = [0.5, 0.95, 0.99], matchers = MODEL } = {}): Query[] {
  return of.map((share) => ({
    expr: `histogram_quantile(${share}, sum by (le) (${rate(`${histogram}_bucket`, matchers)}))`,
    legend: `${legend}p${share * 100}`,
  }));
}

/** The steps of a request: percentiles of each at once, so that one sees where the time goes. */
function steps(share: number): Query[] {
  const histograms = {
    queue: 'serval_queue_duration_seconds',
    encode: 'serval_encode_duration_seconds',
    collate: 'serval_collate_duration_seconds',
    run: 'serval_run_duration_seconds',
  };
  return Object.entries(histograms).flatMap(([name, histogram]) => percentiles(histogram, `${name} `, { of: [share] }));
}

export const ROWS: readonly Row[] = [
  {
    title: 'Now',
    panels: [
      {
        title: 'Requests a second',
        description: 'Health checks and scrapes left out.',
        kind: 'number',
        unit: 'reqps',
        width: 4,
        queries: [{ expr: `sum(${rate('serval_requests_total', TRAFFIC)})`, legend: '' }],
      },
      {
        title: 'Failed',
        description: 'Share of the requests answered with 5xx.',
        kind: 'number',
        unit: 'percentunit',
        width: 4,
        queries: [
          {
            expr: `(sum(${rate('serval_requests_total', `${TRAFFIC}, status=~"5.."`)}) or vector(0)) / sum(${rate('serval_requests_total', TRAFFIC)})`,
            legend: '',
          },
        ],
      },
      {
        title: 'p99 of a request',
        description: 'From its headers to the end of its answer.',
        kind: 'number',
        unit: 's',
        width: 4,
        queries: percentiles('serval_request_duration_seconds', '', { of: [0.99], matchers: TRAFFIC }),
      },
      {
        title: 'Workers busy',
        description: 'Share of their time in which workers made tensors or ran the graph.',
        kind: 'number',
        unit: 'percentunit',
        width: 4,
        queries: [
          {
            expr: `(sum(${rate('serval_run_duration_seconds_sum', INSTANCE)}) + sum(${rate('serval_collate_duration_seconds_sum', INSTANCE)})) / sum(serval_workers{${INSTANCE}})`,
            legend: '',
          },
        ],
      },
      {
        title: 'Versions ready',
        description: 'Over all instances.',
        kind: 'number',
        unit: 'short',
        width: 4,
        queries: [{ expr: `count(serval_version_state{${MODEL}, state="ready"})`, legend: '' }],
      },
      {
        title: 'Alerts firing',
        description: 'deploy/prometheus/rules.yml has them, docs/operations.md what to do.',
        kind: 'number',
        unit: 'short',
        width: 4,
        queries: [{ expr: 'count(ALERTS{alertstate="firing", job="serval"}) or vector(0)', legend: '' }],
      },
    ],
  },
  {
    title: 'Traffic and errors',
    panels: [
      {
        title: 'Requests by status',
        description: 'A second.',
        kind: 'stacked',
        unit: 'reqps',
        width: 8,
        queries: [{ expr: `sum by (status) (${rate('serval_requests_total', TRAFFIC)})`, legend: '{{status}}' }],
      },
      {
        title: 'Requests by route',
        description: 'A second.',
        kind: 'stacked',
        unit: 'reqps',
        width: 8,
        queries: [
          {
            expr: `sum by (protocol, route) (${rate('serval_requests_total', TRAFFIC)})`,
            legend: '{{protocol}} {{route}}',
          },
        ],
      },
      {
        title: 'Requests not served, by reason',
        description: 'The code of their error; SERVAL_OVERLOADED is 429 with Retry-After.',
        kind: 'stacked',
        unit: 'reqps',
        width: 8,
        queries: [{ expr: `sum by (reason) (${rate('serval_rejections_total', INSTANCE)})`, legend: '{{reason}}' }],
      },
      {
        title: 'Requests by API key',
        description: 'Where keys are asked for: who sends how much, and whose limit or scope refuses it.',
        kind: 'stacked',
        unit: 'reqps',
        width: 6,
        queries: [
          {
            expr: `sum by (key, outcome) (${rate('serval_api_key_requests_total', INSTANCE)})`,
            legend: '{{key}} {{outcome}}',
          },
        ],
      },
      {
        title: 'Items by version',
        description: 'Items that ran: who gets the traffic, also while versions change.',
        kind: 'stacked',
        unit: 'ops',
        width: 6,
        queries: [
          { expr: `sum by (model, version) (${rate('serval_items_total')})`, legend: '{{model}} version {{version}}' },
        ],
      },
      {
        title: 'Items dropped before they ran',
        description: 'The deadline passed, the client went away, or another item of the request failed.',
        kind: 'stacked',
        unit: 'ops',
        width: 6,
        queries: [{ expr: `sum by (reason) (${rate('serval_items_dropped_total')})`, legend: '{{reason}}' }],
      },
      {
        title: 'Items answered without a run',
        description: 'Shared with an equal item in flight, or from the cache.',
        kind: 'stacked',
        unit: 'ops',
        width: 6,
        queries: [{ expr: `sum by (from) (${rate('serval_items_reused_total')})`, legend: '{{from}}' }],
      },
    ],
  },
  {
    title: 'Latency',
    panels: [
      {
        title: 'A request',
        description: 'From its headers to the end of its answer.',
        kind: 'lines',
        unit: 's',
        width: 8,
        queries: percentiles('serval_request_duration_seconds', '', { matchers: TRAFFIC }),
      },
      {
        title: 'Its steps, p50',
        description: 'An item in the queue, a request’s encoding, a batch’s collation and run.',
        kind: 'lines',
        unit: 's',
        width: 8,
        queries: steps(0.5),
      },
      {
        title: 'Its steps, p99',
        description: 'The queue grows first when there is more to do than workers.',
        kind: 'lines',
        unit: 's',
        width: 8,
        queries: steps(0.99),
      },
      {
        title: 'A request by model, p99',
        description: 'From its headers to the end of its answer.',
        kind: 'lines',
        unit: 's',
        width: 8,
        queries: [
          {
            expr: `histogram_quantile(0.99, sum by (le, model, version) (${rate('serval_request_duration_seconds_bucket', `${MODEL}, model!=""`)}))`,
            legend: '{{model}} version {{version}}',
          },
        ],
      },
      {
        title: 'Items of a batch',
        description: 'Batches grow only while all workers are busy.',
        kind: 'lines',
        unit: 'short',
        width: 8,
        queries: [
          {
            expr: `sum by (model, version) (${rate('serval_batch_items_sum')}) / sum by (model, version) (${rate('serval_batch_items_count')})`,
            legend: '{{model}} version {{version}}, mean',
          },
          ...percentiles('serval_batch_items', '', { of: [0.99] }),
        ],
      },
      {
        title: 'Predicted time of an item of 32 tokens, alone',
        description: 'By the cost model that plans the batches.',
        kind: 'lines',
        unit: 's',
        width: 8,
        queries: [
          {
            expr: `sum by (model, version) (serval_cost_seconds{${MODEL}, term="base"} or 32 * serval_cost_seconds{${MODEL}, term="per_token"} or 1024 * serval_cost_seconds{${MODEL}, term="per_token_squared"})`,
            legend: '{{model}} version {{version}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Saturation',
    panels: [
      {
        title: 'Items in the queue',
        description: 'Waiting for a worker.',
        kind: 'stacked',
        unit: 'short',
        width: 6,
        queries: [
          { expr: `sum by (model, version) (serval_queue_items{${MODEL}})`, legend: '{{model}} version {{version}}' },
        ],
      },
      {
        title: 'Predicted wait',
        description: 'Until all that waits has been given to workers; above SERVAL_MAX_QUEUE_MS requests are refused.',
        kind: 'lines',
        unit: 's',
        width: 6,
        queries: [{ expr: `serval_queue_wait_seconds{${INSTANCE}}`, legend: '{{instance}}' }],
      },
      {
        title: 'Workers busy',
        description: 'Share of their time in which workers made tensors or ran the graph.',
        kind: 'lines',
        unit: 'percentunit',
        width: 6,
        queries: [
          {
            expr: `(sum by (instance) (${rate('serval_run_duration_seconds_sum', INSTANCE)}) + sum by (instance) (${rate('serval_collate_duration_seconds_sum', INSTANCE)})) / sum by (instance) (serval_workers{${INSTANCE}})`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        title: 'Main process',
        description: 'Its share of one core, and how late its event loop is.',
        kind: 'lines',
        unit: 'percentunit',
        width: 6,
        queries: [
          { expr: rate('process_cpu_seconds_total', INSTANCE), legend: '{{instance}} CPU' },
          { expr: `nodejs_eventloop_lag_p99_seconds{${INSTANCE}}`, legend: '{{instance}} event loop p99, seconds' },
        ],
      },
    ],
  },
  {
    title: 'Models',
    panels: [
      {
        title: 'State of each version',
        description: 'GET /models has the reason of those that failed.',
        kind: 'table',
        unit: 'short',
        width: 8,
        queries: [{ expr: `serval_version_state{${MODEL}} == 1`, legend: '' }],
      },
      {
        title: 'Verdict on batching',
        description: 'What mixed batches do to its scores; unsafe runs unbatched.',
        kind: 'table',
        unit: 'short',
        width: 8,
        queries: [{ expr: `serval_batching_verdict{${MODEL}} == 1`, legend: '' }],
      },
      {
        title: 'Changes that were refused',
        description: '1 for a version that serves on because the change of its folder did not pass its gates.',
        kind: 'lines',
        unit: 'short',
        width: 8,
        queries: [
          { expr: `serval_version_update_refused{${MODEL}}`, legend: '{{model}} version {{version}}' },
          {
            expr: `sum by (model, version) (serval_version_state{${MODEL}, state="failed"})`,
            legend: '{{model}} version {{version}} failed',
          },
        ],
      },
      {
        title: 'Largest error of the golden samples',
        description: 'Against the scores of the reference implementation.',
        kind: 'lines',
        unit: 'short',
        width: 6,
        queries: [
          {
            expr: `max by (model, version) (serval_golden_largest_error{${MODEL}})`,
            legend: '{{model}} version {{version}}',
          },
        ],
      },
      {
        title: 'Largest move of a score in a mixed batch',
        description: 'Against the same sample alone.',
        kind: 'lines',
        unit: 'short',
        width: 6,
        queries: [
          {
            expr: `max by (model, version) (serval_batch_largest_move{${MODEL}})`,
            legend: '{{model}} version {{version}}',
          },
        ],
      },
      {
        title: 'What runs it',
        description: 'Workers that have loaded a version, by execution provider.',
        kind: 'table',
        unit: 'short',
        width: 6,
        queries: [{ expr: `serval_execution_provider{${MODEL}}`, legend: '' }],
      },
      {
        title: 'Time to load',
        description: 'The last load in a worker.',
        kind: 'lines',
        unit: 's',
        width: 6,
        queries: [
          {
            expr: `max by (model, version) (serval_model_load_duration_seconds{${MODEL}})`,
            legend: '{{model}} version {{version}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Memory and restarts',
    panels: [
      {
        title: 'Resident memory',
        description: 'Pages that processes share count in each.',
        kind: 'stacked',
        unit: 'bytes',
        width: 6,
        queries: [
          { expr: `process_resident_memory_bytes{${INSTANCE}}`, legend: '{{instance}} main process' },
          { expr: `serval_worker_resident_memory_bytes{${INSTANCE}}`, legend: '{{instance}} worker {{worker}}' },
        ],
      },
      {
        title: 'Heap of the main process',
        description: 'Used, and outside of it for bodies and tensors.',
        kind: 'lines',
        unit: 'bytes',
        width: 6,
        queries: [
          { expr: `nodejs_heap_size_used_bytes{${INSTANCE}}`, legend: '{{instance}} used' },
          { expr: `nodejs_external_memory_bytes{${INSTANCE}}`, legend: '{{instance}} external' },
        ],
      },
      {
        title: 'Workers',
        description: 'That take batches, that ended by themselves, and that were replaced on purpose.',
        kind: 'lines',
        unit: 'short',
        width: 6,
        queries: [
          { expr: `serval_workers{${INSTANCE}}`, legend: '{{instance}} serving' },
          {
            expr: `increase(serval_worker_restarts_total{${INSTANCE}}[$__rate_interval])`,
            legend: '{{instance}} ended',
          },
          {
            expr: `sum by (instance, reason) (increase(serval_workers_replaced_total{${INSTANCE}}[$__rate_interval]))`,
            legend: '{{instance}} replaced: {{reason}}',
          },
        ],
      },
      {
        title: 'Up for',
        description: 'Since the main process began.',
        kind: 'lines',
        unit: 's',
        width: 6,
        queries: [{ expr: `time() - process_start_time_seconds{${INSTANCE}}`, legend: '{{instance}}' }],
      },
    ],
  },
];
