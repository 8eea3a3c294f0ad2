/** The server's own, and what it shows to the collector of its traces. */
const SECRET = /^(SERVAL_(ADMIN_TOKEN|API_KEYS)|OTEL_EXPORTER_OTLP_(\w+_)?HEADERS)$/;

/** For processes that decode what clients send and run graphs of others: they have no use for the server's secrets. */
export function withoutSecrets(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !SECRET.test(name)));
}
