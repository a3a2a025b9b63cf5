/** Reads what comes back of a submit: the records of shaders/lib/metrics.wgsl. */
import { STRUCTS } from '../../kernels/shaders.generated.ts';
import { normNames, type Program } from '../../plan/program.ts';
import type { RunResult } from '../executor.ts';
import { endOf } from '../guard.ts';
import { normsStart, rowRecords } from '../memory.ts';

export const RECORD_BYTES = STRUCTS.Record.size;
const WORDS = RECORD_BYTES / 4;
/** The first flag of a record, and the flag of a model that says what ended its training. */
const FLAGS = STRUCTS.Record.members.flags.offset / 4;
const ENDED = FLAGS + 2;

/**
 * The sums and flags of all slices, behind the records of `models` models.
 * @param slots the model of every slice
 * @param slices of a step
 * @param finished updates before the step of every slice
 */
export function resultOf(
  words: Uint32Array,
  models: number,
  slots: Uint32Array,
  slices: number,
  finished: Uint32Array,
  names: readonly (string | undefined)[] = [],
): RunResult {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const sums = new Float64Array(slots.length * 4);
  const flags = new Uint32Array(slots.length);
  for (let n = 0; n < slots.length; n++) {
    const at = (models + n) * WORDS;
    for (let i = 0; i < 4; i++) sums[n * 4 + i] = floats[at + i]!;
    flags[n] = words[at + FLAGS]!;
  }
  for (let slice = 0; slice < slices; slice++) {
    const ended = words[slots[slice]! * WORDS + ENDED]!;
    if (ended === 0) continue;
    const { code, after } = endOf(ended, finished[0]!);
    const first = finished.indexOf(finished[0]! + after);
    if (first >= 0 && flags[first + slice] === 0) flags[first + slice] = code;
  }
  if (names.length === 0) return { sums, flags };
  const squares = new Float64Array(slots.length * names.length * 2);
  const first = models + slots.length;
  for (let i = 0; i < squares.length; i++) squares[i] = floats[(first + Math.floor(i / 4)) * WORDS + (i % 4)]!;
  return { sums, flags, norms: { names, squares } };
}

export { normsStart, rowRecords };

/** The first record of rows, behind all others. */
export const rowsStart = (program: Program): number => normsStart(program) * (1 + normNames(program).length / 2);

/** Where the records of a model's rows lie, in bytes. */
export function rowsOf(program: Program, model: number) {
  const rows = rowRecords(program);
  return { start: (rowsStart(program) + model * rows) * RECORD_BYTES, size: rows * RECORD_BYTES };
}
