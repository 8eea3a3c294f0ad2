import { OnnxSession, RUNTIME_VERSION } from './onnx-session.ts';
import { runTiny, TINY_MODEL } from './tiny-model.ts';

/** A child process: loads what workers load, runs a tiny model, and writes the runtime's version. */

await runTiny(await OnnxSession.load(TINY_MODEL));
// Only workers with an image model load it.
await import('./image-processor.ts');
process.stdout.write(`${RUNTIME_VERSION}\n`);
