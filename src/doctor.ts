import { parseArgs } from 'node:util';
import { examine } from './doctor/examination.ts';
import { canStart, reportJson, reportText } from './doctor/report.ts';

/**
 * `npm run doctor [-- --json]`: what the server finds here, what it misses, and the command that mends it. Exits with 1
 * where something keeps it from starting.
 */
const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const findings = await examine(process.env);
console.log(values.json ? reportJson(findings) : reportText(findings, { colours: process.stdout.isTTY }));
process.exitCode = canStart(findings) ? 0 : 1;
