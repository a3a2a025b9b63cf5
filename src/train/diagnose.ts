/** Names vanishing and exploding gradients, from the norms of some steps. */

/** A layer's gradients vanish below this part of the largest among all layers (medians over the steps). */
export const VANISHING = 1e-3;
/** Gradients explode above this norm, or where they became this many times as large from the first steps to the last. */
export const EXPLODING = 1e3;

export interface GradientFinding {
  readonly kind: 'vanishing' | 'exploding';
  /** PyTorch's name: `layers.0.weight`. */
  readonly parameter: string;
  /** The median norm over the steps, or the one that is no finite number. */
  readonly norm: number;
  /** What was seen, and what to try. */
  readonly message: string;
}

/**
 * What is wrong with the gradients of weights, first layer first; nothing where all is well. Biases are not looked at.
 * Of n steps the first and the last max(1, ⌊n / 4⌋) are compared.
 * @param steps the `gradientNorms` of step events, in order
 */
export function diagnoseGradients(steps: readonly Readonly<Record<string, number>>[]): GradientFinding[] {
  const names = Object.keys(steps[0] ?? {}).filter((name) => !name.endsWith('.bias'));
  const medians = new Map(names.map((name) => [name, median(steps.map((norms) => norms[name]!))]));
  const largest = Math.max(0, ...[...medians.values()].filter(Number.isFinite));
  const quarter = Math.max(1, Math.floor(steps.length / 4));
  return names.flatMap((parameter): GradientFinding[] => {
    const own = steps.map((norms) => norms[parameter]!);
    const norm = medians.get(parameter)!;
    const bad = own.find((value) => !Number.isFinite(value));
    const early = median(own.slice(0, quarter));
    const late = median(own.slice(-quarter));
    const text = (value: number) => value.toPrecision(2);
    const explodes = (seen: string, value: number): GradientFinding[] => [
      {
        kind: 'exploding',
        parameter,
        norm: value,
        message: `${parameter}: ${seen}; lower learningRate, set globalClipNorm, or scale inputs and targets.`,
      },
    ];
    if (bad !== undefined) return explodes(`the norm of its gradient became ${bad}`, bad);
    if (norm > EXPLODING) return explodes(`the norm of its gradient is ${text(norm)}`, norm);
    if (early > 0 && late > EXPLODING * early) {
      return explodes(`the norm of its gradient grew from ${text(early)} to ${text(late)}`, norm);
    }
    if (largest === 0 || norm >= VANISHING * largest) return [];
    const message = `${parameter}: the norm of its gradient, ${text(norm)}, is ${text(norm / largest)} of the largest layer's; use relu-like activations with heUniform, batchNorm or layerNorm, or residual blocks.`;
    return [{ kind: 'vanishing', parameter, norm, message }];
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
}
