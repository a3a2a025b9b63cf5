/** All contract cases: one list for every runtime. */
import type { ContractCase } from '../support/contract-runner.ts';
import { averagesCases } from './averages.ts';
import { budgetCases } from './budget.ts';
import { earlyCases } from './early.ts';
import { faultCases } from './faults.ts';
import { foldCases } from './folds.ts';
import { gradientCases } from './gradients.ts';
import { guardCases } from './guard.ts';
import { heldOutCases } from './held-out.ts';
import { kernelCases } from './kernels.ts';
import { lostCases } from './lost.ts';
import { metricCases } from './metrics.ts';
import { mixedCases } from './mixed.ts';
import { parityCases } from './parity.ts';
import { randomCases } from './random.ts';
import { resumeCases } from './resume.ts';
import { shaderCases } from './shaders.ts';
import { smokeCases } from './smoke.ts';
import { streamingCases } from './streaming.ts';
import { torchCases } from './torch.ts';
import { trainingCases } from './training.ts';

export const cases: ContractCase[] = [
  ...smokeCases,
  ...shaderCases,
  ...kernelCases,
  ...gradientCases,
  ...guardCases,
  ...mixedCases,
  ...parityCases,
  ...torchCases,
  ...trainingCases,
  ...budgetCases,
  ...averagesCases,
  ...metricCases,
  ...streamingCases,
  ...foldCases,
  ...heldOutCases,
  ...earlyCases,
  ...lostCases,
  ...faultCases,
  ...resumeCases,
  ...randomCases,
];
