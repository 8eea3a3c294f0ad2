import { expect, test } from 'vitest';
import { barPlot, linePlot } from '../../load-tests/plot.ts';

test('a line plot shows each series, and nothing that is not a number', () => {
  const svg = linePlot({
    title: 'a < b & c',
    xLabel: 'connections',
    yLabel: 'ms',
    series: [
      {
        name: 'Serval',
        points: [
          { x: 1, y: 2, low: 1, high: 3 },
          { x: 16, y: Number.NaN },
        ],
      },
      { name: 'other', points: [{ x: 64, y: 5 }] },
    ],
    isLogX: true,
    isLogY: true,
  });
  expect(svg.match(/<circle/g)).toHaveLength(2);
  expect(svg).toContain('a &lt; b &amp; c');
  expect(svg).not.toContain('NaN');
});

test('a plot of nothing says so', () => {
  expect(linePlot({ title: 't', xLabel: 'x', yLabel: 'y', series: [] })).toContain('nothing was measured');
});

test('a bar plot has a bar for each, with its value', () => {
  const bars = [
    { name: 'Serval', value: 1.1234, low: 1, high: 1.2 },
    { name: 'other', value: 0.5, low: 0.4, high: 0.6 },
  ];
  const svg = barPlot({ title: 't', xLabel: 'x', bars, reference: 1, highlighted: ['Serval'] });
  expect(svg).toContain('>1.12<');
  expect(svg).toContain('>0.5<');
  expect(svg).toContain('stroke-dasharray');
});
