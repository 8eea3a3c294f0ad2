import { createServer } from 'node:http';

/** `node refuser.ts <port>`: answers 429 to everything, as cheaply as node:http can. What a flood costs at least. */

const BODY = '{"error":"overloaded"}';
const HEADERS = { 'content-type': 'application/json', 'content-length': BODY.length, 'retry-after': '1' };

createServer((_request, response) => {
  response.writeHead(429, HEADERS).end(BODY);
}).listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('ready'));
process.on('disconnect', () => process.exit(0));
