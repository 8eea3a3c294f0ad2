import { ConfigError, parseConfig } from './config.ts';
import { messageOf } from './errors.ts';
import { LaunchedWorkers } from './workers/launch.ts';

/** Starts the server and hands the process's signals to it. */

const FORCED_EXIT = 130;

function readConfig() {
  try {
    return parseConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

function failToStart(error: unknown): never {
  console.error(`Serval could not start: ${messageOf(error)}`);
  process.exit(1);
}

const config = readConfig();
// They get ready to load models while the server itself is loaded.
const launched = new LaunchedWorkers(config.workers);
const { Server } = await import('./server.ts');
const server = await Server.create(config, launched).catch(failToStart);
let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    // The second signal does not wait.
    if (stopping) process.exit(FORCED_EXIT);
    stopping = true;
    void server.stop(signal).then((clean) => process.exit(clean ? 0 : 1));
  });
}
await server.start().catch(failToStart);
