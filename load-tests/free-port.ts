import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Below those that Linux gives to outgoing connections, 32768 and up, one of which could have it while its server restarts. */
const LASTING = { from: 15_000, to: 32_000 };

/** A port that stays free while its server is down. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = randomInt(LASTING.from, LASTING.to);
    if (await canListen(port)) return port;
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
