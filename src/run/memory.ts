/** What a program takes on a GPU, by what it is for: known before anything is allocated. */
import { DeviceError } from '../errors.ts';
import { SLABS, type Slab } from '../kernels/kernel.ts';
import { STRUCTS } from '../kernels/shaders.generated.ts';
import { elementBytes, LISTS, normNames, type Program } from '../plan/program.ts';
import { partsOf } from '../spec/spec.ts';
import { LEARNED, type MemoryBytes } from './executor.ts';
import { Feed, feedCapacity } from './feed.ts';

/** What a buffer takes for so many bytes: never nothing, and a multiple of 16. */
export const bufferBytes = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);

export const totalBytes = (bytes: MemoryBytes): number => Object.values(bytes).reduce((sum, own) => sum + own, 0);

/** Records of a model's rows: in mixed precision their metrics lie among those that come back. */
export const rowRecords = ({ mixed, lists }: Program): number =>
  mixed ? Math.max(...LISTS.map((name) => lists[name].batch)) : 0;

function capacitiesOf({ lists, models, spec }: Program): number[] {
  const parts = partsOf(spec);
  return LISTS.map((name) => feedCapacity(lists[name].batch, models, parts));
}

/** The records of models, and of all slots; behind them a slot has some for norms. */
export const normsStart = (program: Program): number => (1 + Math.max(...capacitiesOf(program))) * program.models;

/** Submits on their way at once: each has a buffer in which its metrics come back. */
export const IN_FLIGHT = 12;

/** Of a program in training, without its data; `staging` is where snapshots and metrics come back. */
export function programBytes(program: Program): MemoryBytes {
  const { models, lists } = program;
  const capacities = capacitiesOf(program);
  const strides = LISTS.map((name) => new Feed(lists[name].batch, { models, capacity: 1 }).strideBytes);
  const slabs = Object.fromEntries(
    SLABS.map((slab) => [slab, bufferBytes(program.slabs[slab].materialised * models * elementBytes(program, slab))]),
  ) as Record<Slab, number>;
  const records = normsStart(program) * (1 + normNames(program).length / 2);
  const metrics = bufferBytes((records + models * rowRecords(program)) * STRUCTS.Record.size);
  return {
    ...slabs,
    metrics,
    feed: bufferBytes(Math.max(...capacities.map((steps, i) => steps * strides[i]!))),
    staging: LEARNED.reduce((sum, slab) => sum + slabs[slab], IN_FLIGHT * metrics),
  };
}

/** @throws DeviceError `device/memory-budget` where `wanted` does not fit beside what is `live` */
export function checkBudget(who: string, live: MemoryBytes, wanted: MemoryBytes, budget: number, advice: string): void {
  const total = totalBytes(live) + totalBytes(wanted);
  if (total <= budget) return;
  throw new DeviceError(
    'device/memory-budget',
    `${who}: ${needs(live, wanted)}, expected at most ${budget.toLocaleString('en')} together (memoryBudget); ${advice}.`,
  );
}

/** `needs 4,096 bytes (data 4,096) beside 1,024 in use` */
export function needs(live: MemoryBytes, wanted: MemoryBytes): string {
  const parts = Object.entries(wanted).sort(([, a], [, b]) => b - a);
  const words = parts.map(([role, bytes]) => `${role} ${bytes.toLocaleString('en')}`).join(', ');
  return `needs ${totalBytes(wanted).toLocaleString('en')} bytes (${words}) beside ${totalBytes(live).toLocaleString('en')} in use`;
}
