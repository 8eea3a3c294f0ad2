import { styleText } from 'node:util';
import type { Finding, Level } from './finding.ts';

const COLOURS: Readonly<Record<Level, 'green' | 'yellow' | 'red'>> = { ok: 'green', note: 'yellow', problem: 'red' };

export function canStart(findings: readonly Finding[]): boolean {
  return findings.every(({ level }) => level !== 'problem');
}

/** One line a finding, its remedy below it, and what it comes to. */
export function reportText(findings: readonly Finding[], { colours }: { readonly colours: boolean }): string {
  const width = Math.max(...findings.map(({ about }) => about.length));
  const painted = (level: Level) => {
    const word = level.padEnd('problem'.length);
    // Whether the stream takes colours was asked already.
    return colours ? styleText(COLOURS[level], word, { validateStream: false }) : word;
  };
  const lines = findings.flatMap(({ level, about, text, remedy }) => [
    `${painted(level)}  ${about.padEnd(width)}  ${text}`,
    ...(remedy === null ? [] : remedy.split('\n').map((line) => `${' '.repeat(width + 11)}$ ${line}`)),
  ]);
  return [...lines, '', conclusion(findings)].join('\n');
}

export function reportJson(findings: readonly Finding[]): string {
  return JSON.stringify({ canStart: canStart(findings), findings }, null, 2);
}

function conclusion(findings: readonly Finding[]): string {
  const counted = `${countOf(findings, 'problem')}, ${countOf(findings, 'note')}`;
  return canStart(findings) ? `${counted}: Serval can start.` : `${counted}: Serval cannot start.`;
}

/** `1 note`, `2 notes`. */
function countOf(findings: readonly Finding[], wanted: Level): string {
  const count = findings.filter(({ level }) => level === wanted).length;
  return `${count} ${wanted}${count === 1 ? '' : 's'}`;
}
