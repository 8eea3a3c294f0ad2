import type { OnnxSession } from './onnx-session.ts';

/** y = x + x for four floats, in ONNX (IR version 8, operator set 13). */
export const TINY_MODEL = Buffer.from(
  'CAg6OAoOCgF4CgF4EgF5IgNBZGQSBHRpbnlaDwoBeBIKCggIARIECgIIBGIPCgF5EgoKCAgBEgQKAggEQgQKABAN',
  'base64',
);

/**
 * Runs it.
 * @throws Error with the runtime's reason, or where the answer is wrong.
 */
export async function runTiny(session: OnnxSession): Promise<void> {
  const x = { dataType: 'float32', shape: [4], data: Float32Array.of(1, 2, 3, 4) } as const;
  const { y } = await session.run({ x }, ['y']);
  if ([...(y?.data ?? [])].map(Number).join() !== '2,4,6,8') throw new Error('it cannot add');
}
