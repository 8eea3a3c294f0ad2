import { expect, test } from 'vitest';
import { type CudaSituation, cudaFinding } from '../../src/doctor/cuda-finding.ts';

const PLAIN: CudaSituation = {
  cuda: { state: 'not_installed' },
  platform: 'linux/x64',
  missing: [],
  hasDriver: false,
};
const FAILED = { state: 'failed', reason: 'GPU 0: Failed to load shared library' } as const;

test('a machine without a GPU has nothing to mend', () => {
  expect(cudaFinding(PLAIN)).toMatchObject({ level: 'ok', remedy: null });
});

test('a driver without the library: the command that fetches it', () => {
  expect(cudaFinding({ ...PLAIN, hasDriver: true })).toMatchObject({
    level: 'note',
    remedy: 'ONNXRUNTIME_NODE_INSTALL=true node node_modules/onnxruntime-node/script/install.js',
  });
});

test('where the runtime has no CUDA for the platform, there is nothing to install', () => {
  expect(cudaFinding({ ...PLAIN, platform: 'darwin/arm64', hasDriver: true })).toMatchObject({ level: 'ok' });
});

test.each([
  ['12', 'pip install nvidia-cublas-cu12 nvidia-curand-cu12 nvidia-cudnn-cu12'],
  ['13', 'pip install nvidia-cublas nvidia-curand nvidia-cudnn-cu13'],
])(
  'libraries of CUDA %s that are missing: the packages that hold them, and where the loader finds them',
  (major, command) => {
    const missing = [`libcublasLt.so.${major}`, `libcublas.so.${major}`, 'libcurand.so.10', 'libcuda.so.1'];
    const { level, text, remedy } = cudaFinding({ ...PLAIN, cuda: FAILED, missing });
    expect(level).toBe('note');
    expect(text).toContain('no NVIDIA driver');
    expect(text).toContain(`libcublas.so.${major}`);
    expect(remedy).toContain(command);
    expect(remedy).toContain('export LD_LIBRARY_PATH=');
  },
);

test('a missing driver alone is nothing that a package mends', () => {
  expect(cudaFinding({ ...PLAIN, cuda: FAILED, missing: ['libcuda.so.1'] }).remedy).toBeNull();
});

test('a GPU that does not work beside one that does is a note', () => {
  const cuda = { state: 'works', devices: [0], problem: 'GPU 1: out of memory' } as const;
  expect(cudaFinding({ ...PLAIN, cuda, hasDriver: true })).toMatchObject({
    level: 'note',
    text: expect.stringContaining('GPU 1'),
  });
});
