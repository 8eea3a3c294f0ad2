import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Config } from '../config.ts';
import type { Certificate } from '../security/certificate.ts';

/** What makes Fastify a server of plain text or of TLS. Its types know the two apart; nothing here does. */
export function transportOptions({ maxHeaderBytes, bodyTimeoutMs }: Config, certificate: Certificate | null) {
  const http = { maxHeaderSize: maxHeaderBytes };
  if (certificate === null) return { http };
  // Who does not finish the handshake is a slow sender as well.
  const https = { ...http, ...certificate.context, handshakeTimeout: bodyTimeoutMs };
  return { https } as unknown as { readonly http: typeof http };
}

/** New connections get a new certificate; those that are open keep theirs. */
export function followCertificate(server: Server, certificate: Certificate | null): void {
  certificate?.onChange((context) => (server as SecureServer).setSecureContext(context));
}
