import { readFile } from 'node:fs/promises';
import os from 'node:os';

/**
 * Names what decides how kernels lay out their weights: the instruction sets, as Linux lists them (`flags` on x86,
 * `Features` on Arm), else the processor's name. Equal on equal machines, whatever their number of cores.
 */
export async function cpuFeatures(): Promise<string> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const features = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/).sort();
  return [process.platform, process.arch, ...(features ?? [os.cpus()[0]?.model ?? 'unknown'])].join(' ');
}
