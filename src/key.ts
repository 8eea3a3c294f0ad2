import { parseArgs } from 'node:util';
import { messageOf } from './errors.ts';
import { createKey } from './security/api-key.ts';
import { keyLine } from './security/key-lines.ts';

/**
 * `npm run key -- <name> [options]`: makes an API key. The key goes to standard error, for its client, and is kept
 * nowhere; the line for SERVAL_API_KEYS_FILE goes to standard output, to be appended: `npm run --silent key -- web >> keys`.
 */
const USAGE = `npm run key -- <name> [--scopes predict,read,metrics] [--models a,b] [--expires 2027-01-31]
                      [--rate <requests a second> [--burst <requests>]] [--quota <requests>/<minute|hour|day>]`;

try {
  const { name, line, key } = makeKey(process.argv.slice(2));
  console.error(`The key of "${name}", shown only now: ${key}`);
  console.log(line);
} catch (error) {
  console.error(`${messageOf(error)}\n\n${USAGE}`);
  process.exitCode = 1;
}

function makeKey(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      scopes: { type: 'string' },
      models: { type: 'string' },
      expires: { type: 'string' },
      rate: { type: 'string' },
      burst: { type: 'string' },
      quota: { type: 'string' },
    },
  });
  const [name, ...others] = positionals;
  if (name === undefined || others.length > 0) throw new Error('Give the key one name.');
  if (values.burst !== undefined && values.rate === undefined) throw new Error('--burst goes with --rate.');
  const key = createKey();
  const line = keyLine(key, {
    name,
    scopes: listOf(values.scopes),
    models: listOf(values.models),
    expires: values.expires,
    rate: values.rate === undefined ? undefined : rateOf(values.rate, values.burst),
    quota: values.quota === undefined ? undefined : quotaOf(values.quota),
  });
  return { name, line, key };
}

function listOf(text: string | undefined): string[] | undefined {
  return text?.split(',');
}

function rateOf(perSecond: string, burst: string | undefined) {
  return { per_second: Number(perSecond), ...(burst === undefined ? {} : { burst: Number(burst) }) };
}

function quotaOf(text: string) {
  const [requests, per] = text.split('/');
  return { requests: Number(requests), per };
}
