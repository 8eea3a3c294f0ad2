/**
 * The names of HTTP's status codes, by number. An import of node:http would read all that it exports, and so load the client
 * behind the global `WebSocket`, which takes as long as a quarter of the server's own files.
 */
export const { STATUS_CODES } = process.getBuiltinModule('node:http');
