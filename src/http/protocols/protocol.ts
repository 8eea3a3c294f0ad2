import type { AppParts } from '../app.ts';
import type { InstallParser } from '../body-parsers.ts';
import type { JsonThread } from './json-thread.ts';

/** What a protocol's routes need beside the rest. */
export interface ProtocolParts extends AppParts {
  readonly installParser: InstallParser;
  readonly json: JsonThread;
}
