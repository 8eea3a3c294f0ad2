import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Children } from './children.ts';
import { parseOptions } from './options.ts';
import { emptyResults, writeResults } from './results.ts';
import { Rounds } from './rounds.ts';
import { closed, type Scenario } from './scenarios.ts';
import { ROOT, servalTarget } from './serval-target.ts';
import { printRatios, printResults } from './terminal-table.ts';

/**
 * `npm run bench:compare -- <git ref> [--rounds N --seconds N --text --images]`: the working tree against a commit, in
 * one interleaved run. Both use the packages that are installed here.
 */

const { rounds, seconds, warmUpSeconds, text, images, positionals, match } = parseOptions({ rounds: 5, seconds: 5 });
const ref = positionals[0] ?? 'HEAD';
const scenarios: Scenario[] = [
  ...(text ? [1, 16, 64].map((connections) => closed('text real', connections)) : []),
  ...(images ? [closed('images', 16)] : []),
].filter(({ name }) => match.test(name));
const base = checkOut(ref);
const children = new Children();
const targets = [
  servalTarget({ name: 'base', title: ref, children, root: base }),
  servalTarget({ name: 'branch', title: 'working tree', children }),
];
const results = emptyResults('compare', { rounds, seconds, targets });
const kind = text && images ? 'all' : text ? 'text' : 'images';
await new Rounds({ targets, kind, scenarios, rounds, seconds, warmUpSeconds }, results).sideBySide();
printResults(results);
printRatios(results, { target: 'branch', base: 'base' });
console.log(`\n${await writeResults(results)}`);

/** A work tree of the commit in a temporary folder; it goes when this process ends. */
function checkOut(commit: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'serval-compare-'));
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  process.once('exit', () => {
    if (existsSync(path.join(folder, 'node_modules'))) rmSync(path.join(folder, 'node_modules'));
    rmSync(folder, { recursive: true, force: true });
    git('worktree', 'prune');
  });
  git('worktree', 'add', '--detach', folder, commit);
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}
