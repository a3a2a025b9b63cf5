/** The table of dense layers that the shaders of an update walk over. */
import { hasPenalty } from '../math/penalties.ts';
import { at, type DenseRow, type Find, fours, layerNumber, type Step, type TensorName } from './kernel.ts';
import { STRUCTS } from './shaders.generated.ts';

/** The table of lib/layers.wgsl. `firstWorkgroups`: the first workgroup of every layer's tiles. */
export function layerTable(
  { dense: rows = [], rules = {} }: Step,
  find: Find,
  firstWorkgroups: readonly number[] = [],
): Uint32Array<ArrayBuffer> {
  const { members } = STRUCTS.DenseLayer;
  const words = STRUCTS.DenseLayer.size / 4;
  const table = new Uint32Array(STRUCTS.LayerTable.size / 4);
  if (rows.length * words > table.length) throw new Error(`the table of layers has no room for ${rows.length} rows`);
  rows.forEach((row, n) => {
    const put = (member: keyof typeof members, value: number) => {
      table[n * words + members[member].offset / 4] = value;
    };
    const { inputs, outputs } = rowShape(row, find);
    put('number', layerNumber((row.weight ?? row.bias)!));
    put('first_workgroup', firstWorkgroups[n] ?? 0);
    put('gather', row.x === undefined ? 1 : 0);
    put('inputs', inputs);
    put('in_fours', fours(inputs));
    put('out_fours', fours(outputs));
    put('x_offset', row.x === undefined ? 0 : at(find(row.x)));
    put('delta_offset', at(find(row.delta)));
    put('weight_offset', row.weight === undefined ? 0 : at(find(row.weight)));
    put('bias_offset', row.bias === undefined ? 0 : at(find(row.bias)));
    put('bias', row.bias === undefined ? 0 : 1);
    put('table', row.weight && rules[row.weight]?.table ? 1 : 0);
    const start = n * words;
    putRule(table, start + members.weight_rule.offset / 4, rules, row.weight);
    putRule(table, start + members.bias_rule.offset / 4, rules, row.bias);
  });
  return table;
}

/** The override by which `lib/penalty.wgsl` is told whether there are any. */
export const penaltyOverrides = ({ rules = {} }: Step) => ({ PENALTIES: Object.values(rules).some(hasPenalty) });

/** The rule of lib/penalty.wgsl. */
export function putRule(
  table: Uint32Array<ArrayBuffer>,
  word: number,
  rules: NonNullable<Step['rules']>,
  name: TensorName | undefined,
): void {
  const rule = name && rules[name];
  if (rule) new Float32Array(table.buffer).set([rule.l1, 2 * rule.l2, Number(rule.decays), rule.maxNorm], word);
}

/** A bias alone has no inputs. */
export function rowShape({ weight, bias }: DenseRow, find: Find): { inputs: number; outputs: number } {
  return { inputs: weight ? find(weight).rows : 0, outputs: find((weight ?? bias)!).columns };
}

/** The gradients of each row of the table: of its weights, where it has them, and of its biases. */
export function gradientsOf({ dense }: Step, find: Find) {
  const grad = (name: TensorName | undefined) => name && find(name.replace('param', 'grad') as TensorName);
  return dense!.map(({ weight, bias }) => [grad(weight), grad(bias)] as const);
}
