/** Which strategy a program gets: by rule, from shapes and the adapter's memory of a workgroup. */
import { SpecError } from '../errors.ts';
import { fours, type Step, type Tensor, type TensorName } from '../kernels/kernel.ts';
import { residentBytes } from '../kernels/resident.ts';
import type { Declarations } from './declarations.ts';
import { fuseResident } from './fuse.ts';
import type { Strategy } from './program.ts';

/** Rows from which on a workgroup for every few of them keeps a GPU busy. */
const MANY_ROWS = 1024;
/** The widest layer whose rows one workgroup takes. */
const NARROW = 128;

/** What goes through a network inside one workgroup. */
const IN_ONE_WORKGROUP =
  /^(gather_rows|dense|activation|row_norm|dropout|gaussian_noise|loss|optimizer_update|reduce_metrics)/;

/** The strategy, and in words why it is none that takes a network through a workgroup, where its layers forbid that. */
export interface Chosen {
  readonly strategy: Strategy;
  readonly remark?: string;
}

/**
 * `resident` where parameters and the activations of a mini-batch fit a workgroup's memory; `row-fused` for narrow layers
 * and large batches, and on adapters that are emulated on the CPU, where the two take the same time (docs/performance.md);
 * `layered` for everything else.
 * @param workgroupBytes 0 where there are no workgroups: on the CPU, which runs what is covered anyway
 * @throws SpecError where a strategy was asked for that the network or the adapter does not allow
 */
export function chooseStrategy(
  asked: 'auto' | Strategy,
  base: readonly Step[],
  tensors: Declarations,
  workgroupBytes: number,
  software: boolean,
): Chosen {
  const other = base.find(({ layer, kernel }) => layer && !IN_ONE_WORKGROUP.test(kernel));
  const { together } = base.find(({ kernel }) => kernel === 'optimizer_update')!;
  const mixed = base.some(({ kernel }) => kernel === 'round_weights');
  if (mixed && asked !== 'auto' && asked !== 'layered') {
    throw new SpecError(
      'spec/strategy',
      `strategy ${asked}: got precision 'mixed', which runs in layered alone; use strategy 'layered' or 'auto', or precision 'f32'.`,
    );
  }
  if (mixed) return { strategy: 'layered', remark: 'in mixed precision, which runs in layered alone' };
  if ((other || together) && (asked === 'resident' || asked === 'row-fused')) {
    const [got, out] = other ? [`${other.label} of type ${other.layer!.type}`, 'the layer'] : [together, 'it'];
    const instead = !other && /clipNorm/i.test(together!) ? ', or use clipValue' : '';
    throw new SpecError(
      'spec/strategy',
      `strategy ${asked}: got ${got}, which runs in layered and plain alone; use strategy 'layered' or 'auto', or leave ${out} out${instead}.`,
    );
  }
  if ((other || together) && asked === 'auto') {
    const who = other ? `${other.label}, ${other.layer!.type},` : together;
    return { strategy: 'layered', remark: `since ${who} runs in layered and plain alone` };
  }
  return { strategy: chooseAmongAll(asked, base, tensors, workgroupBytes, software) };
}

function chooseAmongAll(
  asked: 'auto' | Strategy,
  base: readonly Step[],
  tensors: Declarations,
  workgroupBytes: number,
  software: boolean,
): Strategy {
  if (asked !== 'auto' && asked !== 'resident') return asked;
  if (asked === 'auto' && workgroupBytes === 0) return 'layered';
  const bytes = residentBytes(fuseResident(base, workgroupBytes)[0]!, (name) => unplaced(name, tensors));
  if (workgroupBytes === 0 || bytes <= workgroupBytes) return 'resident';
  if (asked === 'resident') {
    throw new SpecError(
      'spec/strategy',
      `strategy resident: parameters and the activations of a mini-batch need ${bytes} bytes of a workgroup's memory, this adapter has ${workgroupBytes}; use a smaller batch, narrower layers, or strategy 'auto'.`,
    );
  }
  const widest = Math.max(
    ...[...tensors.all.values()].filter(({ role }) => role === 'act').map(({ columns }) => columns),
  );
  return software || (widest <= NARROW && base[0]!.batch >= MANY_ROWS) ? 'row-fused' : 'layered';
}

/** A tensor before it has a place in its slab: the parameters one behind the other, as they will lie. */
function unplaced(name: TensorName, { all }: Declarations): Tensor {
  const declared = all.get(name)!;
  let offset = 0;
  for (const { name: other, role, rows, columns } of all.values()) {
    if (other === name || declared.role !== 'param') break;
    if (role === 'param') offset += Math.ceil((paddedRows(other, rows) * fours(columns) * 4) / 64) * 64;
  }
  const stride = fours(declared.columns) * 4;
  return { ...declared, stride, offset, size: paddedRows(name, declared.rows) * stride };
}

/** Weights are read four rows at a time. */
const paddedRows = (name: TensorName, rows: number) => (name.endsWith('/weight') ? fours(rows) * 4 : rows);
