import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { note, ok, problem } from '../../src/doctor/finding.ts';
import { canStart, reportJson, reportText } from '../../src/doctor/report.ts';

const FINDINGS = [ok('Node', 'v24'), note('CUDA', 'is not there', 'install it\nand use it')];

test('a finding is a line, and each command below it one', () => {
  expect(reportText(FINDINGS, { colours: false })).toBe(
    [
      'ok       Node  v24',
      'note     CUDA  is not there',
      '               $ install it',
      '               $ and use it',
      '',
      '0 problems, 1 note: Serval can start.',
    ].join('\n'),
  );
});

test('colours change nothing that is read', () => {
  const coloured = reportText(FINDINGS, { colours: true });
  expect(coloured).not.toBe(reportText(FINDINGS, { colours: false }));
  expect(stripVTControlCharacters(coloured)).toBe(reportText(FINDINGS, { colours: false }));
});

test('notes keep nobody from starting; a problem does', () => {
  expect(canStart(FINDINGS)).toBe(true);
  const bad = [...FINDINGS, problem('Port', 'is taken')];
  expect(canStart(bad)).toBe(false);
  expect(JSON.parse(reportJson(bad))).toMatchObject({ canStart: false, findings: [{}, {}, { about: 'Port' }] });
});
