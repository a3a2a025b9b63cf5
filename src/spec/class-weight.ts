/** Class weights: how much a row counts in training by its class. */
import { SpecError, suggest } from '../errors.ts';
import { widthAfter } from './layers.ts';
import { type Loss, TASKS } from './losses.ts';
import { isFloat, show } from './parse.ts';
import type { Preprocessing } from './preprocessing.ts';

interface Classes {
  readonly layers: Parameters<typeof widthAfter>[0];
  readonly loss: Loss;
  readonly preprocessing: Preprocessing;
}

/**
 * One weight a class; nothing where there are none. A key is the name of a class, or its number where no class has that
 * name and not every name is a number.
 * @throws SpecError
 */
export function parseClassWeight(value: unknown, spec: Classes, who: string): readonly number[] | undefined {
  if (value === undefined) return undefined;
  const outputs = widthAfter(spec.layers, 0);
  const task = TASKS[spec.loss.type];
  if (task !== 'classes' && !(task === 'binary' && outputs === 1)) {
    throw new SpecError(
      'spec/value',
      `${who}: ${spec.loss.type} with ${outputs} outputs has no one class a row; leave it out, or give sampleWeight with the data.`,
    );
  }
  const count = task === 'classes' ? outputs : 2;
  const { classes: names = [] } = spec.preprocessing;
  if (typeof value !== 'object' || value === null || (Array.isArray(value) && value.length !== count)) {
    const got = Array.isArray(value) ? `${value.length} weights` : show(value);
    throw new SpecError(
      'spec/value',
      `${who}: got ${got}, expected ${count} weights, one a class, or { class: weight }.`,
    );
  }
  const weights: number[] = Array(count).fill(1);
  const numeric = names.length > 0 && names.every((name) => name.trim() !== '' && Number.isFinite(Number(name)));
  for (const [key, weight] of Object.entries(value)) {
    const named = Array.isArray(value) ? -1 : names.indexOf(key);
    const index = named >= 0 ? named : Array.isArray(value) || !numeric ? Number(key) : Number.NaN;
    if (!(Number.isInteger(index) && index >= 0 && index < count)) {
      const expected = names.length > 0 ? names.map(show).join(', ') : `a class number from 0 to ${count - 1}`;
      throw new SpecError(
        'spec/value',
        `${who}: unknown class ${show(key)}${suggest(key, names)}; expected ${expected}.`,
      );
    }
    if (!isFloat(weight) || weight < 0) {
      throw new SpecError('spec/value', `${who}: ${show(key)}: got ${show(weight)}, expected a number ≥ 0.`);
    }
    weights[index] = weight;
  }
  if (weights.every((weight) => weight === 0)) {
    throw new SpecError('spec/value', `${who}: every class has the weight 0, expected one that counts.`);
  }
  return weights;
}
