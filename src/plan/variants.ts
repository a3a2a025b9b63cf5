/** Gives the steps of a program their variants, and the choices of a program their names. */
import { SpecError } from '../errors.ts';
import { KERNELS } from '../kernels/index.ts';
import type { Find, Step } from '../kernels/kernel.ts';
import {
  type Adapter,
  candidateVariants,
  fits,
  fixedVariant,
  parseVariant,
  type Variant,
  variantText,
} from '../kernels/variants.ts';
import type { Choices } from './program.ts';

/** `fusedForward0` for the step of `layers[0]`, `fusedUpdate` for that of all layers. */
export function choiceName({ kernel, label }: Step): string {
  const [, layer = ''] = /^layers\[(\d+)\]/.exec(label) ?? [];
  return kernel.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) + layer;
}

/**
 * The steps, each that has variants with one of them: what was chosen before, else by rule.
 * @throws SpecError for a choice that is none
 */
export function giveVariants(steps: readonly Step[], find: Find, adapter: Adapter, choices: Choices): Step[] {
  const given: Step[] = [];
  for (const step of steps) given.push(giveVariant(step, given.at(-1), find, adapter, choices));
  return given;
}

function giveVariant(step: Step, before: Step | undefined, find: Find, adapter: Adapter, choices: Choices): Step {
  // What sums up is told how many sums there are.
  if (step.reads.squares && before?.kernel === 'fused_gradients') return { ...step, variant: before.variant! };
  const products = KERNELS[step.kernel].products?.(step, find);
  if (!products) return step;
  const name = choiceName(step);
  const chosen = choices[name];
  const variant = chosen === undefined ? fixedVariant(products, adapter) : parseVariant(chosen);
  // A file may come from another adapter, and this one may be unable to follow.
  if (variant) return { ...step, variant: fits(variant, adapter) ? variant : fixedVariant(products, adapter) };
  throw new SpecError('spec/value', `choices: ${name}: expected a variant such as "8x8" or "4x4/16", got "${chosen}".`);
}

/** What was chosen for the steps, by name. */
export function choicesOf(steps: readonly Step[]): Choices {
  const named = steps.flatMap((step) =>
    step.variant && KERNELS[step.kernel].choices ? [[choiceName(step), variantText(step.variant)]] : [],
  );
  return Object.fromEntries(named);
}

/** What a step could have instead of the variant that it has, which comes first. */
export function alternatives(step: Step, find: Find): Variant[] {
  const products = KERNELS[step.kernel].products?.(step, find);
  if (!products) return [];
  const others = candidateVariants(products).filter((other) => variantText(other) !== variantText(step.variant!));
  return [step.variant!, ...others];
}
