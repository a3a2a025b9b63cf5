/** Times the CPU against the GPU of this machine over a ladder of networks, and says from which size on the GPU wins. */
import { cpus } from 'node:os';
import { createTrainer, dense, type SpecInput, type Trainer } from 'downhill';
import { nodeGpu } from 'downhill/node';
import { describeProgram } from 'downhill/plan';

/** Widths and mini-batch, from a step of a thousand operations to one of half a billion. */
const LADDER: [widths: number[], batch: number][] = [
  [[2, 4, 1], 4],
  [[2, 8, 2], 16],
  [[4, 16, 3], 16],
  [[2, 16, 16, 2], 32],
  [[8, 32, 32, 4], 32],
  [[32, 64, 10], 64],
  [[64, 128, 64, 10], 64],
  [[784, 128, 10], 64],
  [[784, 512, 512, 10], 128],
];
/** Timed turns of each side, in alternation; what one of them takes at the least. */
const TURNS = 30;
const TURN_MS = 20;
const MOST_STEPS = 16_384;

export interface Rung {
  name: string;
  flopsPerStep: number;
  cpuMs: number;
  gpuMs: number;
}

/** One network on both sides, in ms a step: the fastest turn, since whatever else runs on the machine only slows down. */
async function measure(widths: readonly number[], batch: number, gpu: GPU): Promise<Rung> {
  const [inputs, ...units] = widths as [number, ...number[]];
  const outputs = units.at(-1)!;
  const spec: SpecInput = {
    inputs,
    layers: units.map((n, l) => dense(n, { activation: l < units.length - 1 ? 'relu' : 'linear' })),
    loss: outputs === 1 ? 'sigmoidBinaryCrossEntropy' : 'softmaxCrossEntropy',
    optimizer: 'adam',
    batchSize: batch,
  };
  const rows = 64 * batch;
  const data = {
    x: Float32Array.from({ length: rows * inputs }, () => Math.random() * 2 - 1),
    y: Uint8Array.from({ length: rows }, () => Math.random() * Math.max(outputs, 2)),
  };
  const sides = [await createTrainer(spec, { backend: 'cpu' }), await createTrainer(spec, { gpu })] as const;
  try {
    const turns = sides.map(() => [] as number[]);
    const steps: number[] = [];
    for (const trainer of sides) steps.push(await stepsOfTurn(trainer, data));
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [i, trainer] of sides.entries()) {
        turns[i]!.push((await trainer.fit(data, { steps: steps[i]! })).msPerStep);
      }
    }
    const [cpuMs, gpuMs] = turns.map((ms) => Math.min(...ms)) as [number, number];
    const { flopsPerStep } = describeProgram(sides[0].program);
    return { name: `${widths.join('-')}, batch ${batch}`, flopsPerStep, cpuMs, gpuMs };
  } finally {
    for (const trainer of sides) await trainer.dispose();
  }
}

/** Warms up, and finds how many steps a turn takes: the first call is slow for other reasons, and so may be any other. */
async function stepsOfTurn(trainer: Trainer, data: Parameters<Trainer['fit']>[0]): Promise<number> {
  let steps = 2;
  while (true) {
    const runs = [await trainer.fit(data, { steps }), await trainer.fit(data, { steps })];
    const fastest = Math.min(...runs.map(({ msPerStep }) => msPerStep));
    if (fastest * steps >= TURN_MS || steps >= MOST_STEPS) return steps;
    steps *= 2;
  }
}

/** The operations of the first step from which on the GPU wins everywhere; undefined where the CPU wins the last. */
export function crossover(rungs: readonly Rung[]): number | undefined {
  const lost = rungs.findLastIndex(({ cpuMs, gpuMs }) => cpuMs <= gpuMs);
  return rungs[lost + 1]?.flopsPerStep;
}

export async function main(say: (line: string) => void): Promise<void> {
  const { gpu, adapter } = await nodeGpu({ software: true });
  const kind = adapter.software ? 'emulated on the CPU: this says nothing about GPUs' : 'a real GPU';
  say(
    `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model}`,
  );
  say(`WebGPU: ${adapter.description || adapter.vendor} (${kind})\n`);
  say('| network | FLOPs a step | CPU, ms | CPU, GFLOP/s | WebGPU, ms | faster |');
  say('|---|---:|---:|---:|---:|---|');
  const rungs: Rung[] = [];
  for (const [widths, batch] of LADDER) {
    const rung = await measure(widths, batch, gpu);
    const { name, flopsPerStep, cpuMs, gpuMs } = rung;
    const [rate, faster] = [flopsPerStep / cpuMs / 1e6, cpuMs <= gpuMs ? 'CPU' : 'WebGPU'];
    const ratio = Math.max(cpuMs / gpuMs, gpuMs / cpuMs).toFixed(1);
    say(
      `| ${name} | ${flopsPerStep.toLocaleString('en')} | ${cpuMs.toFixed(4)} | ${rate.toFixed(2)} | ${gpuMs.toFixed(4)} | ${faster}, ${ratio} × |`,
    );
    rungs.push(rung);
  }
  const from = crossover(rungs);
  say('');
  say(
    from === undefined
      ? 'The CPU wins the largest of them: there is no crossover on this ladder.'
      : `WebGPU wins from ${from.toLocaleString('en')} operations a step on: { backend: 'auto', cpuBelow: ${from} }`,
  );
}
