/** Whole runs beside PyTorch's: dense networks, layers inside a workgroup, weights. */
import type { Strategy } from '../../src/plan/program.ts';
import goldenLayers from '../golden/layers.json' with { type: 'json' };
import golden from '../golden/training.json' with { type: 'json' };
import goldenWeights from '../golden/weights.json' with { type: 'json' };
import type { ContractCase } from '../support/contract-runner.ts';
import { type FinishedRun, followTorch } from '../support/follow-torch.ts';
import { runtimeOf } from './trained.ts';

const runsOf = ({ cases }: { readonly cases: readonly unknown[] }) => cases as readonly FinishedRun[];
/** What a GPU may be off where Adam divides by small gradients. */
const TOLERANCE = 2e-4;

/** Layers inside a workgroup, with PyTorch's masks; each fused shader takes long to compile. */
const LAYERS: readonly (readonly [name: string, strategy: Strategy])[] = [
  ['layer norm first, between and last', 'resident'],
  ['RMS norm between and first', 'row-fused'],
  ['dropout and noise', 'resident'],
  ['dropout and noise', 'row-fused'],
];

export const torchCases: ContractCase[] = [
  ...runsOf(golden).map(
    (run, n): ContractCase => ({
      name: `follows PyTorch, run ${n + 1}`,
      group: 'training',
      run: (context) => followTorch(runtimeOf(context), run, TOLERANCE),
    }),
  ),
  ...LAYERS.map(
    ([layers, strategy]): ContractCase => ({
      name: `follows PyTorch in ${strategy}: ${layers}`,
      group: 'training',
      runtimes: ['dawn'],
      run: (context) => {
        const run = runsOf(goldenLayers).find(({ name }) => name === layers)!;
        return followTorch({ ...runtimeOf(context), strategy }, run, TOLERANCE);
      },
    }),
  ),
  ...runsOf(goldenWeights)
    .slice(2, 4)
    .map(
      (run): ContractCase => ({
        name: `follows PyTorch with weights: ${run.name}`,
        group: 'training',
        runtimes: ['dawn', 'chromium', 'deno'],
        run: (context) => followTorch({ ...runtimeOf(context), strategy: 'plain' }, run),
      }),
    ),
];
