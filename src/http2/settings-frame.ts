import { Http2Code, Http2Error, MAX_FRAME_BYTES } from './frame.ts';

/** RFC 9113, 6.5.2. */
export const Setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

const SETTING_BYTES = 6;
const LARGEST_FRAME_BYTES = 0xff_ffff;

export function writeSettings(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * SETTING_BYTES);
  for (const [at, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, at * SETTING_BYTES);
    payload.writeUInt32BE(value, at * SETTING_BYTES + 2);
  }
  return payload;
}

/**
 * What a client asks for, in its order; settings that are not known are among them.
 * @throws Http2Error
 */
export function readSettings(payload: Buffer): (readonly [id: number, value: number])[] {
  if (payload.byteLength % SETTING_BYTES !== 0) {
    throw new Http2Error(Http2Code.frameSizeError, 'Settings take six bytes each.');
  }
  const settings: (readonly [number, number])[] = [];
  for (let at = 0; at < payload.byteLength; at += SETTING_BYTES) {
    const id = payload.readUInt16BE(at);
    const value = payload.readUInt32BE(at + 2);
    const isWrong =
      (id === Setting.enablePush && value > 1) ||
      (id === Setting.maxFrameSize && (value < MAX_FRAME_BYTES || value > LARGEST_FRAME_BYTES));
    if (isWrong) throw new Http2Error(Http2Code.protocolError, `Setting ${id} cannot be ${value}.`);
    settings.push([id, value]);
  }
  return settings;
}
