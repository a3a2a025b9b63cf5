/** User data → model-ready rows: everything is checked here, once, before it reaches an executor. */
import { DataError } from '../errors.ts';
import { show } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import { encodeTable } from './columns.ts';
import { encodeTargets } from './targets.ts';
import type { DataInput, InputRows, Inputs, Rows } from './types.ts';
import { checkFinite, flatten } from './values.ts';
import { rowWeights } from './weights.ts';

export type { DataInput, InputRows, Inputs, Rows, Targets } from './types.ts';

/**
 * Inputs as the model takes them, [count, spec.inputs]; no rows are fine. With `preprocessing.columns` these are raw
 * rows of the table (see `encodeTable`). Without, `Float32Array` and `Uint8Array` are taken as they are, not copied:
 * the executor scales bytes. Rows of numbers become f32. Rows and columns count from 0 in messages.
 * @param who opens the messages, for example `trainer.predict: x`
 * @throws DataError `data/shape`, `data/type`, `data/not-finite`, and those of `encodeTable`
 */
export function encodeInputs(spec: Spec, x: Inputs, who: string): InputRows {
  const rows = readInputs(spec, x, who);
  checkCategories(spec, rows, who);
  return rows;
}

/** @throws DataError for an input that a layer embedding cannot look up */
function checkCategories({ layers: [first], preprocessing }: Spec, { count, width, x }: InputRows, who: string): void {
  if (first?.type !== 'embedding') return;
  const { scale, offset } = preprocessing.bytes ?? { scale: 1 / 255, offset: 0 };
  for (const { column, categories } of first.columns) {
    for (let row = 0; row < count; row++) {
      const given = x[row * width + column]!;
      const category = x instanceof Uint8Array ? given * scale + offset : given;
      if (Number.isInteger(category) && category >= 0 && category < categories) continue;
      const bytes =
        x instanceof Uint8Array ? ', and bytes as they are: preprocessing.bytes { scale: 1, offset: 0 }' : '';
      throw new DataError(
        'data/category',
        `${who}: row ${row}, column ${column}: got ${category}, expected the number of a category, 0 to ${categories - 1}, for layers[0], an embedding${bytes}.`,
      );
    }
  }
}

function readInputs(spec: Spec, x: Inputs, who: string): InputRows {
  const { columns } = spec.preprocessing;
  const width = spec.inputs;
  const kind = Object.prototype.toString.call(x).slice(8, -1); // also right for arrays of another window
  if (kind !== 'Float32Array' && kind !== 'Uint8Array' && kind !== 'Array') {
    throw new DataError(
      'data/type',
      `${who}: got ${show(x)}, expected Float32Array, Uint8Array or an array of rows${columns ? ' of the table' : ''}.`,
    );
  }
  if (columns) return encodeTable(columns, x, who);
  if (!ArrayBuffer.isView(x)) return { count: x.length, width, x: flatten(x, width, who) };
  if (x.length % width !== 0) {
    throw new DataError('data/shape', `${who}: got ${x.length} values, expected rows × ${width} inputs.`);
  }
  if (kind === 'Float32Array') checkFinite(x as Float32Array, width, who);
  return { count: x.length / width, width, x: x as Float32Array | Uint8Array };
}

/**
 * Rows with their targets as the model takes them: at least one row, as many targets as inputs, everything finite and
 * in range. For the forms of targets see `encodeTargets`, for the weights `rowWeights`.
 * @param who opens the messages, for example `trainer.fit`
 * @throws DataError `data/empty`, and those of `encodeInputs`, `encodeTargets` and `rowWeights`
 */
export function encodeRows(spec: Spec, data: DataInput, who: string): Rows {
  if (typeof data !== 'object' || data === null || !('x' in data) || !('y' in data)) {
    throw new DataError('data/type', `${who}: got ${show(data)}, expected { x, y }.`);
  }
  const inputs = encodeInputs(spec, data.x, `${who}: x`);
  if (inputs.count === 0) throw new DataError('data/empty', `${who}: x holds no rows, expected at least one.`);
  const rows = { ...inputs, y: encodeTargets(spec, data.y, inputs.count, `${who}: y`) };
  const weights = rowWeights(spec, rows, data.sampleWeight, who);
  return weights ? { ...rows, weights } : rows;
}
