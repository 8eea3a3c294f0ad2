import { expect, test } from 'vitest';
import { batchBoundsOn, ConfigError, parseConfig, variableName } from '../src/config.ts';
import { SETTINGS } from '../src/settings.ts';

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('without variables every setting has its documented value', () => {
  expect(parseConfig({})).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    models: 'models',
    maxInputs: 128,
    docs: true,
  });
});

test('a variable is the setting’s name in capitals', () => {
  expect(variableName('maxTextBodyBytes')).toBe('SERVAL_MAX_TEXT_BODY_BYTES');
});

test('variables replace the values', () => {
  expect(parseConfig({ SERVAL_PORT: '0', SERVAL_DOCS: 'false', SERVAL_MAX_INPUTS: '7' })).toMatchObject({
    port: 0,
    docs: false,
    maxInputs: 7,
  });
});

const MACHINE = { cores: 8, cpuQuota: null, throttling: null, totalMemoryBytes: 64e9, memoryLimitBytes: null };

test('workers is one a core by default, or as many as the quota is worth', () => {
  expect(parseConfig({}, MACHINE)).toMatchObject({ workers: 8, isWorkersAuto: true });
  expect(parseConfig({}, { ...MACHINE, cpuQuota: 2.5 }).workers).toBe(2);
});

test('where memory is limited, bodies and queue take an eighth of it each', () => {
  expect(parseConfig({}, MACHINE)).toMatchObject({ maxReceivingBytes: 256e6, maxQueueBytes: 256e6 });
  const small = { ...MACHINE, memoryLimitBytes: 512e6 };
  expect(parseConfig({}, small)).toMatchObject({ maxReceivingBytes: 64e6, maxQueueBytes: 64e6 });
  expect(parseConfig({ SERVAL_MAX_QUEUE_BYTES: '500000000' }, small).maxQueueBytes).toBe(500e6);
});

test('batches may be larger on CUDA, unless their bounds are given', () => {
  const auto = parseConfig({}, MACHINE);
  expect(batchBoundsOn('cpu', auto)).toEqual({ maxBatchItems: 16, maxBatchImages: 2, maxBatchTokens: 512 });
  expect(batchBoundsOn('cuda', auto)).toEqual({ maxBatchItems: 128, maxBatchImages: 32, maxBatchTokens: 16_384 });
  const given = parseConfig({ SERVAL_MAX_BATCH_ITEMS: '4' }, MACHINE);
  expect(batchBoundsOn('cuda', given)).toEqual({ maxBatchItems: 4, maxBatchImages: 32, maxBatchTokens: 16_384 });
});

test('GPUs are named by their numbers', () => {
  expect(parseConfig({}, MACHINE).cudaDevices).toBeNull();
  expect(parseConfig({ SERVAL_CUDA_DEVICES: '2,0,2' }, MACHINE).cudaDevices).toEqual([2, 0]);
  expect(problemsOf({ SERVAL_CUDA_DEVICES: 'all' })).toEqual([
    'SERVAL_CUDA_DEVICES="all": must be auto or GPU numbers, as 0,1',
  ]);
});

test('workers may be a number', () => {
  expect(parseConfig({ SERVAL_WORKERS: '3' })).toMatchObject({ workers: 3, isWorkersAuto: false });
});

test('the configuration cannot be changed', () => {
  expect(Object.isFrozen(parseConfig({}))).toBe(true);
});

test('all wrong variables are named at once', () => {
  const problems = problemsOf({ SERVAL_PORT: '70000', SERVAL_WORKERS: 'many', SERVAL_LOG_LEVEL: 'loud' });
  expect(problems).toHaveLength(3);
  expect(problems.join('\n')).toContain('SERVAL_PORT="70000": must be at most 65535');
  expect(problems.join('\n')).toContain('SERVAL_WORKERS="many": must be auto or a whole number from 1 to 256');
  expect(problems.join('\n')).toContain('SERVAL_LOG_LEVEL="loud"');
});

test('a misspelt variable is refused', () => {
  expect(problemsOf({ SERVAL_PROT: '80' })).toEqual(['SERVAL_PROT: no such setting']);
});

test('other programs’ variables are none of our business', () => {
  expect(problemsOf({ PORT: 'x', MODELS: 'y' })).toEqual([]);
});

test.each(['', '1.5', '-1', '1e3', ' 5', '0x10'])('the text "%s" is not a whole number', (text) => {
  expect(problemsOf({ SERVAL_MAX_INPUTS: text })).toHaveLength(1);
});

test('every setting’s own default is accepted, and says its unit and reason', () => {
  for (const { schema, fallback, unit, reason } of Object.values(SETTINGS)) {
    expect(schema.safeParse(fallback).success).toBe(true);
    expect(unit).not.toBe('');
    expect(reason).toMatch(/\.$/);
  }
});

test('the cache lies in the user’s cache folder, where it is told to, or nowhere', () => {
  expect(parseConfig({ XDG_CACHE_HOME: '/home/me/caches' }).cacheDir).toBe('/home/me/caches/serval');
  expect(parseConfig({ XDG_CACHE_HOME: 'relative' }).cacheDir).toMatch(/^\/.*\.cache\/serval$/);
  expect(parseConfig({ SERVAL_CACHE_DIR: '/var/cache/serval' }).cacheDir).toBe('/var/cache/serval');
  expect(parseConfig({ SERVAL_CACHE_DIR: 'off' }).cacheDir).toBeNull();
});

test('what is said of a wrong secret does not hold it', () => {
  expect(problemsOf({ SERVAL_ADMIN_TOKEN: 'too-short' })).toEqual([
    'SERVAL_ADMIN_TOKEN: must have at least 16 characters',
  ]);
});

test('a certificate goes with its key', () => {
  expect(problemsOf({ SERVAL_TLS_CERT: 'cert.pem' })).toEqual([
    'SERVAL_TLS_CERT and SERVAL_TLS_KEY: set both, or none',
  ]);
  expect(parseConfig({ SERVAL_TLS_CERT: 'cert.pem', SERVAL_TLS_KEY: 'key.pem' })).toMatchObject({ tlsKey: 'key.pem' });
});

test.each([
  ['', []],
  ['*', ['*']],
  ['https://app.example.com, http://localhost:3000', ['https://app.example.com', 'http://localhost:3000']],
])('origins may be "%s"', (text, origins) => {
  expect(parseConfig({ SERVAL_CORS_ORIGINS: text }).corsOrigins).toEqual(origins);
});

test.each(['app.example.com', 'https://app.example.com/', 'https://*.example.com', 'null'])(
  'origins may not be "%s", which no browser sends or nobody can check',
  (text) => {
    expect(problemsOf({ SERVAL_CORS_ORIGINS: text })).toHaveLength(1);
  },
);
