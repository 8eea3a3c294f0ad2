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
    return { id: message.id, ok: true, value: writeInferResponse(message.parts) };
  } catch (error) {
    const known = error instanceof ServalError ? error : new ServalError('SERVAL_INTERNAL', String(error));
    return { id: message.id, ok: false, error: toErrorData(known) };
  }
}

parentPort?.on('message', (message: ToJsonThread) => {
  const reply = answer(message);
  parentPort?.postMessage(reply, buffersOf(reply));
});

/** Numbers that were read are handed over, not copied. */
function buffersOf(reply: FromJsonThread): ArrayBuffer[] {
  if (!reply.ok || !('inputs' in reply.value)) return [];
  const buffers = reply.value.inputs.flatMap(({ data }) => (Array.isArray(data) ? [] : [(data as Uint8Array).buffer]));
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}
