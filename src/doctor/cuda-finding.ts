import type { Cuda } from '../workers/execution-provider.ts';
import { type Finding, note, ok } from './finding.ts';

/** onnxruntime-node's own script, which fetches the library from NuGet. */
const INSTALL = 'ONNXRUNTIME_NODE_INSTALL=true node node_modules/onnxruntime-node/script/install.js';

/** PyPI packages by the library that they hold, with the name that they have for CUDA 12 and for CUDA 13. */
const PACKAGES: Readonly<Record<string, readonly [string, string]>> = {
  libcublas: ['nvidia-cublas-cu12', 'nvidia-cublas'],
  libcublasLt: ['nvidia-cublas-cu12', 'nvidia-cublas'],
  libcudart: ['nvidia-cuda-runtime-cu12', 'nvidia-cuda-runtime'],
  libcudnn: ['nvidia-cudnn-cu12', 'nvidia-cudnn-cu13'],
  libcufft: ['nvidia-cufft-cu12', 'nvidia-cufft'],
  libcurand: ['nvidia-curand-cu12', 'nvidia-curand'],
  libnvrtc: ['nvidia-cuda-nvrtc-cu12', 'nvidia-cuda-nvrtc'],
};
/** It comes with the driver, which in a container is the host's. */
const DRIVER = 'libcuda.so.1';

export interface CudaSituation {
  readonly cuda: Cuda;
  /** As `linux/x64`. */
  readonly platform: string;
  /** What the CUDA library wants and the loader does not find, as `libcublas.so.12`. */
  readonly missing: readonly string[];
  /** Whether the kernel has NVIDIA's driver. */
  readonly hasDriver: boolean;
}

/** CUDA is never needed: what is missing for it is a note. */
export function cudaFinding({ cuda, platform, missing, hasDriver }: CudaSituation): Finding {
  const about = 'CUDA';
  switch (cuda.state) {
    case 'off':
      return ok(about, 'not looked for: SERVAL_EXECUTION_PROVIDER=cpu');
    case 'works':
      if (cuda.problem !== null) return note(about, `works on GPU ${cuda.devices.join(', ')}; ${cuda.problem}`);
      return ok(about, `works on GPU ${cuda.devices.join(', ')}`);
    case 'not_installed':
      if (platform !== 'linux/x64')
        return ok(about, `ONNX Runtime for Node has none for ${platform}; all runs on the CPU`);
      if (!hasDriver)
        return ok(about, 'no NVIDIA GPU or driver here, and the library is not installed; all runs on the CPU');
      return note(about, 'there is an NVIDIA driver, but ONNX Runtime’s CUDA library is not installed', INSTALL);
    case 'failed': {
      const wanting = missing.length === 0 ? '' : `; not found: ${missing.join(', ')}`;
      const driver = hasDriver ? '' : '; no NVIDIA driver here (a container needs the host’s: docker run --gpus all)';
      return note(about, `installed, but ${cuda.reason}${wanting}${driver}`, remedyFor(missing));
    }
  }
}

/** Installs the libraries from PyPI, and tells the loader where they are. */
function remedyFor(missing: readonly string[]): string | null {
  const isCuda13 = missing.some((name) => /^libcublas(Lt)?\.so\.13$/.test(name) || name === 'libcudart.so.13');
  const packages = missing
    .filter((name) => name !== DRIVER)
    .flatMap((name) => PACKAGES[name.split('.')[0] ?? '']?.[isCuda13 ? 1 : 0] ?? []);
  if (packages.length === 0) return null;
  // cuDNN is loaded by name when it is first used: the loader does not miss it.
  const cudnn = isCuda13 ? 'nvidia-cudnn-cu13' : 'nvidia-cudnn-cu12';
  const all = [...new Set([...packages, cudnn])];
  return [
    `python3 -m venv cuda && cuda/bin/pip install ${all.join(' ')}`,
    'export LD_LIBRARY_PATH=$(find "$PWD"/cuda/lib/python3*/site-packages/nvidia -type d -name lib | paste -sd:)',
  ].join('\n');
}
