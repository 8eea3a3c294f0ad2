import { type Panel, ROWS } from './panels.ts';

/** Of deploy/grafana/provisioning/datasources. */
const DATASOURCE = { type: 'prometheus', uid: 'prometheus' };
const HEIGHTS = { row: 1, number: 4, others: 8 };

/** @returns the dashboard as Grafana reads it from a file. */
export function dashboard(): object {
  return {
    uid: 'serval',
    title: 'Serval',
    description: 'Written by `npm run dashboard` from deploy/grafana/panels.ts.',
    tags: ['serval'],
    schemaVersion: 39,
    editable: false,
    graphTooltip: 1,
    refresh: '15s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    templating: { list: [variable('instance', 'serval_workers'), variable('model', 'serval_version_state')] },
    annotations: {
      list: [
        {
          name: 'Alerts',
          datasource: DATASOURCE,
          enable: true,
          iconColor: 'red',
          expr: 'ALERTS{alertstate="firing", job="serval"}',
          titleFormat: '{{alertname}}',
          textFormat: '{{instance}} {{model}} {{version}}',
        },
      ],
    },
    panels: placed(),
  };
}

/** A choice of a label's values above the dashboard, all of them at first. */
function variable(label: string, metric: string): object {
  return {
    name: label,
    label,
    type: 'query',
    datasource: DATASOURCE,
    query: { query: `label_values(${metric}{job="serval"}, ${label})`, refId: label },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { selected: true, text: ['All'], value: ['$__all'] },
  };
}

/** Rows from the top to the bottom, panels from the left to the right. */
function placed(): object[] {
  const panels: object[] = [];
  let id = 1;
  let y = 0;
  for (const row of ROWS) {
    panels.push({ id: id++, type: 'row', title: row.title, collapsed: false, gridPos: { x: 0, y, w: 24, h: 1 } });
    y += HEIGHTS.row;
    let x = 0;
    for (const [at, panel] of row.panels.entries()) {
      const h = panel.kind === 'number' ? HEIGHTS.number : HEIGHTS.others;
      panels.push({ id: id++, ...drawn(panel), gridPos: { x, y, w: panel.width, h } });
      x += panel.width;
      const next = row.panels[at + 1];
      if (next === undefined || x + next.width > 24) {
        x = 0;
        y += h;
      }
    }
  }
  return panels;
}

function drawn({ title, description, kind, unit, queries }: Panel): object {
  const targets = queries.map(({ expr, legend }, at) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + at),
    datasource: DATASOURCE,
    expr,
    legendFormat: legend,
    ...(kind === 'table' ? { format: 'table', instant: true } : {}),
  }));
  const common = { title, description, datasource: DATASOURCE, targets };
  const defaults = { unit, min: 0 };
  switch (kind) {
    case 'number':
      return {
        ...common,
        type: 'stat',
        fieldConfig: { defaults, overrides: [] },
        options: { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'none', graphMode: 'area' },
      };
    case 'table': {
      const excludeByName = { Time: true, Value: true, __name__: true, job: true };
      return {
        ...common,
        type: 'table',
        fieldConfig: { defaults: {}, overrides: [] },
        options: { showHeader: true },
        transformations: [{ id: 'organize', options: { excludeByName } }],
      };
    }
    case 'lines':
    case 'stacked': {
      const stacking = { mode: kind === 'stacked' ? 'normal' : 'none', group: 'A' };
      const custom = { lineWidth: 1, fillOpacity: kind === 'stacked' ? 30 : 0, stacking, showPoints: 'never' };
      return {
        ...common,
        type: 'timeseries',
        fieldConfig: { defaults: { ...defaults, custom }, overrides: [] },
        options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
      };
    }
  }
}
