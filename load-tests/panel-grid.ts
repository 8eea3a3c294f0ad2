import { COLOURS, escaped, label, round, type Series, text } from './plot.ts';
import { linearScale } from './plot-scale.ts';

/** A small plot among others that share the time below them. */
export interface GridPanel {
  readonly title: string;
  /** In seconds from the begin. */
  readonly series: readonly Series[];
  /** How a value of the axis is written. */
  readonly write?: (value: number) => string;
}

/** What happened when: a line through every panel, named in the panels of the first row. */
export interface GridEvent {
  readonly seconds: number;
  readonly name: string;
}

const COLUMNS = 2;
const PANEL = { width: 470, height: 200 };
const PLOT = { left: 66, right: 12, top: 34, bottom: 30 };
const TOP = 30;
const LEGEND_WIDTH_A_LETTER = 6.2;

/** Panels in two columns, as on the dashboard. */
export function panelGrid(title: string, panels: readonly GridPanel[], events: readonly GridEvent[]): string {
  const rows = Math.ceil(panels.length / COLUMNS);
  const [width, height] = [COLUMNS * PANEL.width, TOP + rows * PANEL.height + 26];
  const end = Math.max(...panels.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ x }) => x))));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...panels.map((panel, at) => {
      const [x, y] = [(at % COLUMNS) * PANEL.width, TOP + Math.floor(at / COLUMNS) * PANEL.height];
      return `<g transform="translate(${x} ${y})">${drawn(panel, events, end)}</g>`;
    }),
    ...eventLegend(events),
    text(width / 2, height - 8, 'seconds'),
    '</svg>\n',
  ].join('\n');
}

function eventLegend(events: readonly GridEvent[]): string[] {
  let x = PLOT.left;
  return events.map(({ name }, at) => {
    const place = x;
    x += 34 + name.length * LEGEND_WIDTH_A_LETTER;
    return text(place, 18, `${at + 1}  ${name}`, { anchor: 'start' });
  });
}

function drawn({ title, series, write = label }: GridPanel, events: readonly GridEvent[], end: number): string {
  const [left, right] = [PLOT.left, PANEL.width - PLOT.right];
  const [top, bottom] = [PLOT.top + 26, PANEL.height - PLOT.bottom];
  const shown = series.map(({ name, points }) => ({ name, points: points.filter(({ y }) => Number.isFinite(y)) }));
  const highest = Math.max(0, ...shown.flatMap(({ points }) => points.map(({ y }) => y)));
  const x = linearScale({ domain: [0, end], range: [left, right] });
  const y = linearScale({ domain: [0, highest], range: [bottom, top] });
  let legendX = left;
  return [
    `<text x="${left}" y="${PLOT.top - 8}" font-family="system-ui, sans-serif" font-size="13" font-weight="600" fill="#111">${escaped(title)}</text>`,
    ...y.ticks.map((tick) => {
      const place = round(y.place(tick));
      return `<path d="M${left} ${place}H${right}" stroke="#e8e8e8"/>${text(left - 6, place + 4, write(tick), { anchor: 'end' })}`;
    }),
    ...x.ticks.map((tick) => text(round(x.place(tick)), bottom + 16, label(tick))),
    ...events.map(({ seconds }, at) => {
      const place = round(x.place(seconds));
      return `<path d="M${place} ${top}V${bottom}" stroke="#999" stroke-dasharray="3 3"/>${text(place, top - 3, String(at + 1))}`;
    }),
    ...shown.map(({ name, points }, at) => {
      const colour = COLOURS[at % COLOURS.length] ?? '#000';
      const places = points.map((point) => `${round(x.place(point.x))},${round(y.place(point.y))}`);
      const place = legendX;
      legendX += 30 + name.length * LEGEND_WIDTH_A_LETTER;
      return [
        `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.8"/>`,
        name === ''
          ? ''
          : `<path d="M${place} ${PLOT.top + 1}h14" stroke="${colour}" stroke-width="3"/>${text(place + 19, PLOT.top + 5, name, { anchor: 'start' })}`,
      ].join('');
    }),
  ].join('\n');
}
