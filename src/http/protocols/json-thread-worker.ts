import { parentPort } from 'node:worker_threads';
import { ServalError, toErrorData } from '../../errors.ts';
import { readInferRequest } from '../../open-inference/json-infer-request.ts';
import { writeInferResponse } from '../../open-inference/json-infer-response.ts';
import type { FromJsonThread, ToJsonThread } from './json-thread.ts';

/** The thread behind JsonThread: long JSON is read and written here, one after another. */
function answer(message: ToJsonThread): FromJsonThread {
  try {
    if (message.type === 'read') {
      return { id: message.id, ok: true, value: readInferRequest(message.body, message.jsonBytes) };
    }
    const { json, binary } = writeInferResponse(message.parts);
    // Memory of its own, as a part of the pool could not be handed over.
    return { id: message.id, ok: true, value: { json: new TextEncoder().encode(json), binary } };
  } catch (error) {
    const known = error instanceof ServalError ? error : new ServalError('SERVAL_INTERNAL', String(error));
    return { id: message.id, ok: false, error: toErrorData(known) };
  }
}

parentPort?.on('message', (message: ToJsonThread) => {
  const reply = answer(message);
  parentPort?.postMessage(reply, buffersOf(reply));
});

/** What was read and written is handed over, not copied. */
function buffersOf(reply: FromJsonThread): ArrayBuffer[] {
  if (!reply.ok) return [];
  const views =
    'inputs' in reply.value
      ? reply.value.inputs.flatMap(({ data }) => (Array.isArray(data) ? [] : [data as Uint8Array]))
      : [reply.value.json, ...reply.value.binary];
  const buffers = views.flatMap((view) => (typeof view === 'string' ? [] : [view.buffer]));
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}
