import { linearScale, logScale, type Scale } from './plot-scale.ts';

/** A series of a line plot. */
export interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number; readonly low?: number; readonly high?: number }[];
}

export interface LinePlot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  readonly isLogX?: boolean;
  readonly isLogY?: boolean;
}

export interface BarPlot {
  readonly title: string;
  readonly xLabel: string;
  readonly bars: readonly {
    readonly name: string;
    readonly value: number;
    readonly low: number;
    readonly high: number;
  }[];
  /** Where a line marks what the bars are compared with. */
  readonly reference?: number;
  /** Bars of these names stand out. */
  readonly highlighted: readonly string[];
}

/** Okabe and Ito's colours, which colour-blind readers tell apart; Serval has the first. */
export const COLOURS = [
  '#d55e00',
  '#0072b2',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#e69f00',
  '#000000',
  '#8c6d31',
  '#7f7f7f',
];
const QUIET = '#9fb4c7';
const FONT = 'font-family="system-ui, sans-serif"';
const [WIDTH, HEIGHT] = [760, 420];
const MARGIN = { top: 48, right: 24, bottom: 56, left: 72 };
const LEGEND_LINE = 18;

/** Lines with error bars, one colour a series; values that are not finite are left out. */
export function linePlot({ title, xLabel, yLabel, series, isLogX = false, isLogY = false }: LinePlot): string {
  const shown = series.map(({ name, points }) => ({
    name,
    points: points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y) && !(isLogY && y <= 0)),
  }));
  const all = shown.flatMap(({ points }) => points);
  if (all.length === 0)
    return frame({ title, height: HEIGHT, body: text(WIDTH / 2, HEIGHT / 2, 'nothing was measured') });
  const bottom = MARGIN.top + series.length * LEGEND_LINE + HEIGHT - MARGIN.top - MARGIN.bottom;
  const top = MARGIN.top + series.length * LEGEND_LINE;
  const xs = all.map(({ x }) => x);
  const ys = all.flatMap(({ y, low = y, high = y }) => [y, low, high]).filter((y) => !isLogY || y > 0);
  const x = (isLogX ? logScale : linearScale)({
    domain: [isLogX ? Math.min(...xs) : Math.min(0, ...xs), Math.max(...xs)],
    range: [MARGIN.left, WIDTH - MARGIN.right],
  });
  const y = (isLogY ? logScale : linearScale)({
    domain: [isLogY ? Math.min(...ys) : Math.min(0, ...ys), Math.max(...ys)],
    range: [bottom, top],
  });
  const body = [
    axes({ x, y, top, bottom, xLabel, yLabel }),
    ...shown.map(({ name, points }, at) => lineOf({ name, points, at, x, y })),
  ].join('\n');
  return frame({ title, height: bottom + MARGIN.bottom, body });
}

interface Line extends Series {
  readonly at: number;
  readonly x: Scale;
  readonly y: Scale;
}

function lineOf({ name, points, at, x, y }: Line): string {
  const colour = COLOURS[at % COLOURS.length] ?? QUIET;
  const places = points.map((point) => `${round(x.place(point.x))},${round(y.place(point.y))}`);
  const legendY = MARGIN.top + at * LEGEND_LINE;
  return [
    `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.map((point) => {
      const [px, py] = [round(x.place(point.x)), round(y.place(point.y))];
      const bar =
        point.low === undefined || point.high === undefined
          ? ''
          : `<path d="M${px} ${round(y.place(point.low))}V${round(y.place(point.high))}" stroke="${colour}"/>`;
      return `${bar}<circle cx="${px}" cy="${py}" r="3.5" fill="${colour}"/>`;
    }),
    `<path d="M${MARGIN.left} ${legendY}h24" stroke="${colour}" stroke-width="3"/>`,
    text(MARGIN.left + 32, legendY + 4, name, { anchor: 'start' }),
  ].join('');
}

interface Axes {
  readonly x: Scale;
  readonly y: Scale;
  readonly top: number;
  readonly bottom: number;
  readonly xLabel: string;
  readonly yLabel: string;
}

function axes({ x, y, top, bottom, xLabel, yLabel }: Axes): string {
  const [left, right] = [MARGIN.left, WIDTH - MARGIN.right];
  return [
    ...y.ticks.map((tick) => {
      const place = round(y.place(tick));
      return `<path d="M${left} ${place}H${right}" stroke="#e3e3e3"/>${text(left - 8, place + 4, label(tick), { anchor: 'end' })}`;
    }),
    ...x.ticks.map((tick) => {
      const place = round(x.place(tick));
      return `<path d="M${place} ${bottom}v5" stroke="#555"/>${text(place, bottom + 20, label(tick))}`;
    }),
    `<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="#555"/>`,
    text((left + right) / 2, bottom + 42, xLabel),
    `<g transform="rotate(-90 18 ${(top + bottom) / 2})">${text(18, (top + bottom) / 2, yLabel)}</g>`,
  ].join('\n');
}

const BAR = { height: 22, gap: 12, left: 290 };

/** Horizontal bars with their intervals, the values written beside them. */
export function barPlot({ title, xLabel, bars, reference, highlighted }: BarPlot): string {
  const bottom = MARGIN.top + bars.length * (BAR.height + BAR.gap);
  const most = Math.max(reference ?? 0, ...bars.map(({ high }) => high).filter(Number.isFinite));
  const x = linearScale({ domain: [0, most], range: [BAR.left, WIDTH - 72] });
  const rows = bars.map(({ name, value, low, high }, at) => {
    const y = MARGIN.top + at * (BAR.height + BAR.gap);
    const middle = y + BAR.height / 2;
    const colour = highlighted.includes(name) ? COLOURS[0] : QUIET;
    const end = round(x.place(value));
    return [
      text(BAR.left - 10, middle + 4, name, { anchor: 'end' }),
      `<rect x="${BAR.left}" y="${y}" width="${round(Math.max(0, end - BAR.left))}" height="${BAR.height}" fill="${colour}"/>`,
      `<path d="M${round(x.place(low))} ${middle}H${round(x.place(high))}" stroke="#333" stroke-width="1.5"/>`,
      text(round(x.place(Math.max(value, high))) + 8, middle + 4, label(Number(value.toPrecision(3))), {
        anchor: 'start',
      }),
    ].join('');
  });
  const marks = x.ticks.map((tick) => {
    const place = round(x.place(tick));
    return `<path d="M${place} ${MARGIN.top - 6}V${bottom}" stroke="#e3e3e3"/>${text(place, bottom + 18, label(tick))}`;
  });
  const line =
    reference === undefined
      ? ''
      : `<path d="M${round(x.place(reference))} ${MARGIN.top - 6}V${bottom}" stroke="#333" stroke-dasharray="4 3"/>`;
  const body = [...marks, ...rows, line, text((BAR.left + WIDTH) / 2, bottom + 40, xLabel)].join('\n');
  return frame({ title, height: bottom + MARGIN.bottom, body });
}

function frame({ title, height, body }: { title: string; height: number; body: string }): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="${MARGIN.left / 2}" y="26" ${FONT} font-size="16" font-weight="600" fill="#111">${escaped(title)}</text>`,
    body,
    '</svg>\n',
  ].join('\n');
}

export function text(x: number, y: number, content: string, { anchor = 'middle' }: { anchor?: string } = {}): string {
  return `<text x="${x}" y="${y}" ${FONT} font-size="12" fill="#333" text-anchor="${anchor}">${escaped(content)}</text>`;
}

export function label(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 3 });
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
