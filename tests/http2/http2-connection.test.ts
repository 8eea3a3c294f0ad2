import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { afterEach, describe, expect, test } from 'vitest';
import { Flag, FrameType } from '../../src/http2/frame.ts';
import { headerBlock } from '../../src/http2/hpack-encoder.ts';
import { MAX_STREAMS } from '../../src/http2/http2-connection.ts';
import { Http2Server } from '../../src/http2/http2-server.ts';
import type { Http2Stream, StreamHandler } from '../../src/http2/http2-stream.ts';
import { frame, Http2Peer, number32, PREFACE } from '../fixtures/http2-peer.ts';

const OK = headerBlock([[':status', '200']]);
const TRAILERS = headerBlock([['x-end', 'yes']]);
const REQUEST: [string, string][] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/echo'],
  [':authority', 'localhost'],
];
const END = Flag.endStream | Flag.endHeaders;

const servers: Http2Server[] = [];
const peers: Http2Peer[] = [];

afterEach(() => {
  for (const peer of peers.splice(0)) peer.end();
  for (const server of servers.splice(0)) server.kill();
});

/** Answers with what it got, when that is whole. */
class Echo implements StreamHandler {
  arrivesBy = Number.POSITIVE_INFINITY;
  readonly #stream: Http2Stream;
  readonly #pieces: Buffer[] = [];

  constructor(stream: Http2Stream) {
    this.#stream = stream;
  }

  onData(piece: Buffer): void {
    this.#pieces.push(Buffer.from(piece));
    this.#stream.consumed(piece.byteLength);
  }

  onEnd(): void {
    this.#stream.respond(OK);
    this.#stream.write(Buffer.concat(this.#pieces));
    this.#stream.end(TRAILERS);
  }

  onLate(): void {
    this.#stream.end(headerBlock([[':status', '408']]));
  }

  onGone(): void {
    this.#stream.release();
  }
}

async function listen(open: (stream: Http2Stream) => StreamHandler = (stream) => new Echo(stream), limits = {}) {
  const server = new Http2Server({ certificate: null, arrivalMs: 60_000, maxConnections: 100, open, ...limits });
  servers.push(server);
  return { server, port: await server.listen('127.0.0.1', 0) };
}

async function peerOf(port: number, greet = true): Promise<Http2Peer> {
  const peer = await Http2Peer.open(port, greet);
  peers.push(peer);
  return peer;
}

const request = (streamId: number, { flags = END as number, fields = REQUEST } = {}) =>
  frame(FrameType.headers, flags, streamId, headerBlock(fields));
const begun = (streamId: number) => request(streamId, { flags: Flag.endHeaders });

describe('with the client of node:http2', () => {
  const sessions: ClientHttp2Session[] = [];
  afterEach(() => {
    for (const session of sessions.splice(0)) session.destroy();
  });

  async function sessionOf(port: number, settings = {}): Promise<ClientHttp2Session> {
    const session = connect(`http://127.0.0.1:${port}`, { settings });
    sessions.push(session);
    session.on('error', () => {});
    await once(session, 'remoteSettings');
    return session;
  }

  async function echo(session: ClientHttp2Session, body: Buffer, headers = {}) {
    const stream = session.request({ ':method': 'POST', ':path': '/echo', ...headers });
    const pieces: Buffer[] = [];
    let trailers = {};
    stream.on('error', () => {});
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('trailers', (fields) => {
      trailers = fields;
    });
    stream.end(body);
    await new Promise((resolve) => stream.once('close', resolve));
    return { body: Buffer.concat(pieces), trailers, code: stream.rstCode };
  }

  const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff));

  test.each([0, 1, 16_384, 16_385, 3_000_000])('a body of %i bytes comes and goes whole', async (length) => {
    const session = await sessionOf((await listen()).port);
    const body = bytes(length);
    const answer = await echo(session, body, { 'content-length': String(length) });
    expect(answer.body.equals(body)).toBe(true);
    expect(answer.trailers).toMatchObject({ 'x-end': 'yes' });
  });

  test('many at once, to a client that takes little at a time', async () => {
    const session = await sessionOf((await listen()).port, { initialWindowSize: 100, maxFrameSize: 16_384 });
    const bodies = Array.from({ length: 40 }, (_, at) => bytes(at * 997));
    const answers = await Promise.all(bodies.map((body) => echo(session, body)));
    for (const [at, answer] of answers.entries())
      expect(answer.body.equals(bodies[at] ?? bytes(0)), String(at)).toBe(true);
  });

  test('a client that changes its windows while answers wait', async () => {
    const session = await sessionOf((await listen()).port, { initialWindowSize: 0 });
    const body = bytes(200_000);
    const answering = echo(session, body);
    session.settings({ initialWindowSize: 1_000 });
    session.settings({ initialWindowSize: 150_000, headerTableSize: 0 });
    expect((await answering).body.equals(body)).toBe(true);
    expect((await echo(session, body)).body.equals(body)).toBe(true);
  });

  test('headers of every size that is allowed, with and without Huffman’s code', async () => {
    let seen: string | undefined;
    const { port } = await listen((stream) => {
      seen = stream.head.fields.find(({ name }) => name === 'x-much')?.value;
      return new Echo(stream);
    });
    const session = await sessionOf(port);
    for (const value of ['', 'a', 'ü'.repeat(100), '~'.repeat(5_000), 'e'.repeat(15_000)]) {
      await echo(session, bytes(1), { 'x-much': value });
      expect(seen).toBe(Buffer.from(value, 'latin1').toString('latin1'));
    }
    expect((await echo(session, bytes(1), { 'x-much': 'e'.repeat(17_000) })).code).toBe(
      constants.NGHTTP2_ENHANCE_YOUR_CALM,
    );
    expect((await echo(session, bytes(1))).body).toHaveLength(1);
  });

  test('a ping is answered, and trailers end a request', async () => {
    const session = await sessionOf((await listen()).port);
    const [, , payload] = await new Promise<[unknown, number, Buffer]>((resolve) => {
      session.ping(Buffer.from('12345678'), (...answer) => resolve(answer));
    });
    expect(payload.toString()).toBe('12345678');
    const stream = session.request(
      { ':method': 'POST', ':path': '/echo' },
      { waitForTrailers: true, endStream: false },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': '1' }));
    let body = '';
    stream.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    stream.end('hello');
    await once(stream, 'close');
    expect(body).toBe('hello');
  });

  test('leaving answers what was begun, and ends the connection', async () => {
    const streams: Http2Stream[] = [];
    const { server, port } = await listen((stream) => {
      streams.push(stream);
      return new Echo(stream);
    });
    const session = await sessionOf(port);
    const goneAway = once(session, 'goaway');
    const stream = session.request({ ':method': 'POST', ':path': '/echo' });
    stream.write('a');
    await expect.poll(() => streams.length).toBe(1);
    const stopped = server.stop();
    await goneAway;
    stream.end('b');
    let body = '';
    stream.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    await once(stream, 'close');
    expect(body).toBe('ab');
    await stopped;
  });
});

describe('a connection ends by', () => {
  const settings = (id: number, value: number) => {
    const payload = Buffer.alloc(6);
    payload.writeUInt16BE(id, 0);
    payload.writeUInt32BE(value, 2);
    return frame(FrameType.settings, 0, 0, payload);
  };
  const of = (type: number, streamId: number, length: number, flags = 0) =>
    frame(type, flags, streamId, Buffer.alloc(length));

  test.each<[string, string, Buffer[]]>([
    ['data on stream 0', 'protocolError', [of(FrameType.data, 0, 1)]],
    ['data on a stream that was not begun', 'protocolError', [of(FrameType.data, 5, 1)]],
    ['headers on stream 0', 'protocolError', [request(0)]],
    ['headers on an even stream', 'protocolError', [request(2)]],
    ['a header block that cannot be read', 'compressionError', [frame(FrameType.headers, END, 1, Buffer.from([0x80]))]],
    ['a continuation of nothing', 'protocolError', [begun(1), of(FrameType.continuation, 1, 1, Flag.endHeaders)]],
    ['data within a header block', 'protocolError', [request(1, { flags: 0 }), of(FrameType.data, 1, 1)]],
    [
      'another stream within a header block',
      'protocolError',
      [request(1, { flags: 0 }), of(FrameType.continuation, 3, 1)],
    ],
    [
      'a header block without an end',
      'enhanceYourCalm',
      [request(1, { flags: 0 }), of(FrameType.continuation, 1, 10_000), of(FrameType.continuation, 1, 10_000)],
    ],
    [
      'more padding than there is',
      'protocolError',
      [begun(1), frame(FrameType.data, Flag.padded, 1, Buffer.from([9, 1]))],
    ],
    ['padding of nothing', 'protocolError', [begun(1), of(FrameType.data, 1, 0, Flag.padded)]],
    ['a frame that is too large', 'frameSizeError', [begun(1), of(FrameType.data, 1, 16_385)]],
    ['a ping of seven bytes', 'frameSizeError', [of(FrameType.ping, 0, 7)]],
    ['a ping on a stream', 'protocolError', [of(FrameType.ping, 1, 8)]],
    ['a priority of four bytes', 'frameSizeError', [of(FrameType.priority, 1, 4)]],
    [
      'a stream that depends on itself',
      'protocolError',
      [frame(FrameType.headers, END | Flag.priority, 1, Buffer.from([0, 0, 0, 1, 0]))],
    ],
    ['a reset of three bytes', 'frameSizeError', [begun(1), of(FrameType.resetStream, 1, 3)]],
    ['a reset of a stream that was not begun', 'protocolError', [of(FrameType.resetStream, 7, 4)]],
    ['a promise', 'protocolError', [of(FrameType.pushPromise, 1, 4)]],
    ['settings of five bytes', 'frameSizeError', [of(FrameType.settings, 0, 5)]],
    ['settings on a stream', 'protocolError', [of(FrameType.settings, 1, 0)]],
    ['an acknowledgement that carries something', 'frameSizeError', [of(FrameType.settings, 0, 6, Flag.ack)]],
    ['a push setting of 2', 'protocolError', [settings(2, 2)]],
    ['a frame size below the least', 'protocolError', [settings(5, 16_383)]],
    ['a window above the most', 'flowControlError', [settings(4, 2 ** 31)]],
    ['a window made larger by nothing', 'protocolError', [of(FrameType.windowUpdate, 0, 4)]],
    [
      'a window made larger than there is',
      'flowControlError',
      [frame(FrameType.windowUpdate, 0, 0, number32(0x7fff_ffff))],
    ],
    ['a window of three bytes', 'frameSizeError', [of(FrameType.windowUpdate, 0, 3)]],
    ['a GOAWAY on a stream', 'protocolError', [of(FrameType.goAway, 1, 8)]],
    ['more pings than anybody needs', 'enhanceYourCalm', Array(1_100).fill(of(FrameType.ping, 0, 8))],
    ['more settings than anybody needs', 'enhanceYourCalm', Array(1_100).fill(settings(4, 65_535))],
    [
      'more empty data than anybody needs',
      'enhanceYourCalm',
      [begun(1), ...Array(1_100).fill(of(FrameType.data, 1, 0))],
    ],
    ['more frames of no known type than anybody needs', 'enhanceYourCalm', Array(1_100).fill(of(77, 0, 0))],
  ])('%s: %s', async (_, name, frames) => {
    const peer = await peerOf((await listen()).port);
    peer.write(...frames);
    expect(await peer.connectionError()).toBe(name);
  });

  test('something else than HTTP/2', async () => {
    const { port } = await listen();
    const http1 = await peerOf(port, false);
    http1.write(Buffer.from('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'));
    expect(await http1.connectionError()).toBe('protocolError');
    const unsettled = await peerOf(port, false);
    unsettled.write(PREFACE, of(FrameType.ping, 0, 8));
    expect(await unsettled.connectionError()).toBe('protocolError');
  });
});

describe('a stream ends by', () => {
  const withField = (...fields: [string, string][]) => request(1, { fields: [...REQUEST, ...fields] });
  const without = (name: string) => request(1, { fields: REQUEST.filter(([field]) => field !== name) });

  test.each<[string, string, Buffer[]]>([
    ['no method', 'protocolError', [without(':method')]],
    ['no path', 'protocolError', [without(':path')]],
    ['no scheme', 'protocolError', [without(':scheme')]],
    [
      'an empty path',
      'protocolError',
      [request(1, { fields: REQUEST.map(([name, value]) => [name, name === ':path' ? '' : value]) })],
    ],
    ['two methods', 'protocolError', [request(1, { fields: [[':method', 'GET'], ...REQUEST] })]],
    ['a pseudo field after others', 'protocolError', [withField(['x-a', 'b'], [':authority', 'c'])]],
    ['a pseudo field of answers', 'protocolError', [request(1, { fields: [...REQUEST, [':status', '200']] })]],
    ['a name in upper case', 'protocolError', [withField(['X-A', 'b'])]],
    ['a value with a line’s end', 'protocolError', [withField(['x-a', 'b\r\nc'])]],
    ['a field of HTTP/1', 'protocolError', [withField(['connection', 'close'])]],
    ['a transfer coding', 'protocolError', [withField(['te', 'gzip'])]],
    ['a length that is none', 'protocolError', [withField(['content-length', '-1'])]],
    ['a length and no body', 'protocolError', [withField(['content-length', '1'])]],
    [
      'a body that is longer than its length',
      'protocolError',
      [
        request(1, { flags: Flag.endHeaders, fields: [...REQUEST, ['content-length', '1']] }),
        frame(FrameType.data, 0, 1, Buffer.from('ab')),
      ],
    ],
    ['trailers that do not end it', 'protocolError', [begun(1), begun(1)]],
    ['data after its end', 'streamClosed', [request(1), frame(FrameType.data, 0, 1, Buffer.from('a'))]],
    ['headers after its end', 'streamClosed', [request(1), request(1)]],
    ['a window made larger by nothing', 'protocolError', [begun(1), frame(FrameType.windowUpdate, 0, 1, number32(0))]],
    [
      'a window made larger than there is',
      'flowControlError',
      [begun(1), frame(FrameType.windowUpdate, 0, 1, number32(0x7fff_ffff))],
    ],
  ])('%s: %s, and the connection lives on', async (_, name, frames) => {
    const unanswered: StreamHandler = {
      arrivesBy: Number.POSITIVE_INFINITY,
      onData: () => {},
      onEnd: () => {},
      onLate: () => {},
      onGone: () => {},
    };
    const { port } = await listen((stream) => (stream.id === 1 ? unanswered : new Echo(stream)));
    const peer = await peerOf(port);
    peer.write(...frames, request(9));
    expect(await peer.streamError(1)).toBe(name);
    expect((await peer.frame(FrameType.headers, 9)).streamId).toBe(9);
  });
});

test('a client that sends more than its window is told so', async () => {
  const { port } = await listen((stream) => Object.assign(new Echo(stream), { onData: () => {} }));
  const peer = await peerOf(port);
  const piece = frame(FrameType.data, 0, 1, Buffer.alloc(16_384));
  peer.write(begun(1), ...Array(65).fill(piece));
  expect(await peer.streamError(1)).toBe('flowControlError');
});

test('frames come in any pieces', async () => {
  const peer = await peerOf((await listen()).port, false);
  const all = Buffer.concat([
    PREFACE,
    frame(FrameType.settings, 0, 0),
    begun(1),
    frame(FrameType.data, Flag.endStream | Flag.padded, 1, Buffer.from('\x03hello\0\0\0')),
  ]);
  for (const byte of all) {
    peer.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  expect((await peer.frame(FrameType.data, 1)).payload.toString()).toBe('hello');
});

test('streams that their client gives up count until their work is over', async () => {
  const working: Http2Stream[] = [];
  const { port } = await listen((stream) => {
    working.push(stream);
    return Object.assign(new Echo(stream), { onEnd: () => {}, onGone: () => {} });
  });
  const peer = await peerOf(port);
  const giveUp = (streamId: number) => [request(streamId), frame(FrameType.resetStream, 0, streamId, number32(8))];
  for (let at = 0; at < MAX_STREAMS; at++) peer.write(...giveUp(2 * at + 1));
  peer.write(request(9_001));
  expect(await peer.streamError(9_001)).toBe('refusedStream');
  expect(working).toHaveLength(MAX_STREAMS);
  working[0]?.release();
  working[0]?.release();
  peer.write(request(9_003), request(9_005));
  expect(await peer.streamError(9_005)).toBe('refusedStream');
  expect(working).toHaveLength(MAX_STREAMS + 1);
});

test('an answer before the request is whole spares its client the rest', async () => {
  const { port } = await listen((stream) => {
    stream.end(headerBlock([[':status', '413']]));
    return new Echo(stream);
  });
  const peer = await peerOf(port);
  peer.write(begun(1));
  expect((await peer.frame(FrameType.headers, 1)).flags & Flag.endStream).toBe(Flag.endStream);
  expect(await peer.streamError(1)).toBe('noError');
  // What was on its way does no harm.
  peer.write(frame(FrameType.data, Flag.endStream, 1, Buffer.alloc(10)), begun(3));
  expect((await peer.frame(FrameType.headers, 3)).streamId).toBe(3);
});

test('what is on its way when the server leaves is answered still', async () => {
  const { server, port } = await listen();
  const peer = await peerOf(port);
  await peer.frame(FrameType.settings);
  let hasLeft = false;
  const leaving = server.leave().then(() => {
    hasLeft = true;
  });
  const { payload } = await peer.frame(FrameType.ping);
  peer.write(request(1));
  await peer.frame(FrameType.headers, 1);
  expect(hasLeft).toBe(false);
  peer.write(frame(FrameType.ping, Flag.ack, 0, payload), request(3));
  await leaving;
  await peer.closed();
  const lastStreams = peer.frames
    .filter(({ type }) => type === FrameType.goAway)
    .map((seen) => seen.payload.readUInt32BE(0));
  expect(lastStreams).toEqual([0x7fff_ffff, 1]);
  expect(peer.frames.some(({ streamId }) => streamId === 3)).toBe(false);
});

test('connections beyond the most are closed', async () => {
  const { port } = await listen(undefined, { maxConnections: 1 });
  const first = await peerOf(port);
  await first.frame(FrameType.settings);
  const second = await peerOf(port);
  await second.closed();
  expect(second.frames).toEqual([]);
  first.write(request(1));
  await first.frame(FrameType.headers, 1);
});

test('what comes too slowly is ended', async () => {
  const { port } = await listen((stream) => Object.assign(new Echo(stream), { arrivesBy: performance.now() + 50 }), {
    arrivalMs: 50,
  });
  const silent = await peerOf(port, false);
  const cut = await peerOf(port);
  cut.write(Buffer.from([0, 0, 8, 6]));
  const slow = await peerOf(port);
  slow.write(begun(1));
  await Promise.all([silent.closed(), cut.closed()]);
  expect((await slow.frame(FrameType.headers, 1)).payload.toString('latin1')).toContain('408');
});

test('a client that does not read is not sent to without end', async () => {
  const sent: number[] = [];
  const { port } = await listen((stream) =>
    Object.assign(new Echo(stream), {
      onEnd: () => {
        stream.respond(OK);
        for (let at = 0; at < 64; at++) stream.write(Buffer.alloc(1_048_576), () => sent.push(at));
      },
    }),
  );
  const peer = await peerOf(port);
  peer.pause();
  const most = number32(0x7fff_0000 - 65_535);
  peer.write(frame(FrameType.windowUpdate, 0, 0, most), request(1), frame(FrameType.windowUpdate, 0, 1, most));
  await expect.poll(() => sent.length).toBeGreaterThan(0);
  // What the two kernels hold beside it depends on the machine.
  expect(sent.length).toBeLessThan(32);
  peer.resume();
  await expect.poll(() => sent.length).toBe(64);
});
