/** What a GPU refuses by its limits, said before it is asked. */
import { DeviceError } from '../../errors.ts';
import { SLABS, type Step } from '../../kernels/kernel.ts';
import { elementBytes, type Program } from '../../plan/program.ts';

/** @throws DeviceError where a slab is larger than what the GPU binds */
export function checkSlabs(program: Program, limits: GPUSupportedLimits): void {
  const limit = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  for (const slab of SLABS) {
    const bytes = program.slabs[slab].materialised * program.models * elementBytes(program, slab);
    if (bytes > limit) {
      throw new DeviceError(
        'device/limit',
        `${slab}: ${program.models === 1 ? 'the model needs' : `${program.models} models need`} ${bytes} bytes in one buffer, this GPU binds at most ${limit}; use narrower layers or a smaller batch.`,
      );
    }
  }
}

/** @throws DeviceError where a step takes more workgroups than the GPU runs */
export function checkWorkgroups({ label }: Step, workgroups: number, limits: GPUSupportedLimits): void {
  const limit = limits.maxComputeWorkgroupsPerDimension;
  if (workgroups <= limit) return;
  throw new DeviceError(
    'device/limit',
    `${label}: needs ${workgroups} workgroups, this GPU runs at most ${limit}; use a smaller batch or narrower layers.`,
  );
}
