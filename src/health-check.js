/**
 * Ends well where the server that these settings start is ready: what a container engine runs in the container, every
 * few seconds. It reads three settings by itself, because to load and check all of them would take five times its CPU time,
 * and is JavaScript, as Node's compiler for types would take most of it.
 */

const { SERVAL_HOST = '127.0.0.1', SERVAL_PORT = '8080', SERVAL_TLS_CERT = '' } = process.env;
const listensEverywhere = SERVAL_HOST === '0.0.0.0' || SERVAL_HOST === '::';

const options = {
  host: listensEverywhere ? '127.0.0.1' : SERVAL_HOST,
  port: SERVAL_PORT,
  path: '/health/ready',
  agent: false,
  // The certificate is for the name that clients know.
  rejectUnauthorized: false,
};
const { get } = SERVAL_TLS_CERT === '' ? await import('node:http') : await import('node:https');
const request = get(options);
request.on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1));
request.on('error', ({ message }) => {
  console.error(message);
  process.exit(1);
});
