import { messageOf } from '../errors.ts';
import { OnnxSession } from './onnx-session.ts';
import { runTiny, TINY_MODEL } from './tiny-model.ts';

/**
 * A child process beside the server, as a CUDA library that does not fit its driver may end who loads it: runs a tiny
 * model on each GPU, writes what came of it as one line of JSON, and ends.
 *
 *     node cuda-probe.ts auto | 0,1
 */

/** GPUs that work, and why the first other one does not. */
export interface ProbeReport {
  readonly devices: readonly number[];
  readonly problem: string | null;
}

const MAX_DEVICES = 64;

async function probe(wanted: readonly number[] | null): Promise<ProbeReport> {
  const devices: number[] = [];
  let problem: string | null = null;
  for (const device of wanted ?? Array(MAX_DEVICES).keys()) {
    const found = await tryDevice(device).catch(messageOf);
    if (found === undefined) devices.push(device);
    else problem ??= `GPU ${device}: ${found}`;
    // They are counted without gaps: the first that is not there is behind the last.
    if (found !== undefined && wanted === null) break;
  }
  // Where GPUs were not named, the end of the row is no problem.
  return { devices, problem: wanted === null && devices.length > 0 ? null : problem };
}

/** @throws Error with the runtime's reason. */
async function tryDevice(device: number): Promise<void> {
  await runTiny(await OnnxSession.loadOnCuda(TINY_MODEL, device));
}

const [, , wanted = 'auto'] = process.argv;
const report = await probe(wanted === 'auto' ? null : wanted.split(',').map(Number));
process.stdout.write(`${JSON.stringify(report)}\n`);
