import { FrameType, Http2Code, Http2Error } from './frame.ts';

const EXACT_BYTES: Readonly<Record<number, number>> = {
  [FrameType.priority]: 5,
  [FrameType.resetStream]: 4,
  [FrameType.ping]: 8,
  [FrameType.windowUpdate]: 4,
};
const OF_CONNECTION: ReadonlySet<number> = new Set([FrameType.settings, FrameType.ping, FrameType.goAway]);
const OF_STREAM: ReadonlySet<number> = new Set([
  FrameType.data,
  FrameType.headers,
  FrameType.priority,
  FrameType.resetStream,
  FrameType.continuation,
]);

/** @throws Http2Error for a frame of the wrong size, or on a stream where it makes no sense. */
export function checkFrame(type: number, streamId: number, bytes: number): void {
  const exact = EXACT_BYTES[type];
  if (exact !== undefined && bytes !== exact) {
    throw new Http2Error(Http2Code.frameSizeError, `A frame of type ${type} has ${exact} bytes, not ${bytes}.`);
  }
  if (OF_CONNECTION.has(type) && streamId !== 0) throw wrong(`a frame of type ${type} is on no stream`);
  if (OF_STREAM.has(type) && streamId === 0) throw wrong(`a frame of type ${type} is on a stream`);
}

export function wrong(rule: string): Http2Error {
  return new Http2Error(Http2Code.protocolError, `HTTP/2 has it that ${rule}.`);
}
