/** Times rows that stream from the disk against the same rows all in memory, on a compute-bound network, turn by turn. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTrainer, dense, type SpecInput, type StepEvent, type Trainer } from 'downhill';
import { fileBytes, nodeGpu } from 'downhill/node';
import { npyShard, stream } from 'downhill/stream';

const WIDTH = 784;
const BATCH = 128;
const SPEC: SpecInput = {
  inputs: WIDTH,
  layers: [dense(512, { activation: 'relu' }), dense(512, { activation: 'relu' }), dense(10)],
  loss: 'softmaxCrossEntropy',
  optimizer: 'adam',
  batchSize: BATCH,
};
/** Bytes that the stream may hold, and how many times that its files have. */
const MEMORY = 2 ** 21;
const TIMES = 10;
const SHARDS = 4;
/** Timed turns of each side, in alternation, of so many steps: more than a window of the shuffle has. */
const TURNS = 9;
const STEPS = 12;

interface Side {
  name: string;
  trainer: Trainer;
  steps: AsyncGenerator<StepEvent, void>;
  wallMs: number[];
  processorMs: number[];
}

/** An NPY file of bytes. */
function npy(values: Uint8Array, shape: readonly number[]): Uint8Array {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`.padEnd(117);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'), Buffer.from(`${text}\n`), values]);
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Both sides on one backend; gives the lines of the report. */
export async function main(say: (line: string) => void, backend: 'cpu' | 'webgpu' = 'cpu'): Promise<object> {
  const rows = Math.ceil((MEMORY * TIMES) / WIDTH / SHARDS);
  const x = Uint8Array.from({ length: SHARDS * rows * WIDTH }, (_, i) => (i * 2_654_435_761) >>> 24);
  const y = Uint8Array.from({ length: SHARDS * rows }, (_, i) => i % 10);
  const folder = await mkdtemp(join(tmpdir(), 'downhill-'));
  const shards = await Promise.all(
    Array.from({ length: SHARDS }, async (_, n) => {
      const paths = [join(folder, `x${n}.npy`), join(folder, `y${n}.npy`)] as const;
      await writeFile(paths[0], npy(x.subarray(n * rows * WIDTH, (n + 1) * rows * WIDTH), [rows, WIDTH]));
      await writeFile(paths[1], npy(y.subarray(n * rows, (n + 1) * rows), [rows]));
      return npyShard(fileBytes(paths[0]), fileBytes(paths[1]));
    }),
  );
  const runtime = backend === 'cpu' ? { backend } : { backend, ...(await nodeGpu({ software: true })), tune: false };
  const { tuningCache: _, adapter: __, software: ___, ...own } = runtime as Record<string, unknown>;
  const open = async (name: string, data: Parameters<Trainer['steps']>[0]): Promise<Side> => {
    const trainer = await createTrainer(SPEC, own);
    return { name, trainer, steps: trainer.steps(data, { every: STEPS }), wallMs: [], processorMs: [] };
  };
  const sides = [await open('resident', { x, y }), await open('streamed', stream(shards, { memory: MEMORY }))];
  for (let turn = -1; turn < TURNS; turn++) {
    for (const side of turn % 2 === 0 ? sides : sides.toReversed()) {
      const [start, used] = [performance.now(), process.cpuUsage()];
      await side.steps.next();
      const { user, system } = process.cpuUsage(used);
      if (turn < 0) continue; // compiles, and fills the first window
      side.wallMs.push((performance.now() - start) / STEPS);
      side.processorMs.push((user + system) / 1000 / STEPS);
    }
  }
  const report = {
    date: new Date().toISOString(),
    network: `784-512-512-10, batch ${BATCH}, Adam, u8 rows`,
    backend,
    adapter: sides[0]!.trainer.adapter.description,
    memory: MEMORY,
    bytes: x.length + y.length,
    turns: TURNS,
    stepsPerTurn: STEPS,
    sides: sides.map(({ name, wallMs, processorMs }) => ({
      name,
      medianWallMsPerStep: median(wallMs),
      medianProcessorMsPerStep: median(processorMs),
      wallMs,
      processorMs,
    })),
  };
  const [resident, streamed] = report.sides as [(typeof report.sides)[0], (typeof report.sides)[0]];
  say(`${report.network}; ${report.adapter}; ${report.bytes} bytes through ${MEMORY}`);
  for (const { name, medianWallMsPerStep: wall, medianProcessorMsPerStep: processor } of report.sides) {
    say(`${name}: ${wall.toFixed(1)} ms a step, ${processor.toFixed(1)} ms of processor time`);
  }
  const share = (a: number, b: number) => `${((100 * a) / b).toFixed(1)} %`;
  say(
    `streamed has ${share(resident.medianWallMsPerStep, streamed.medianWallMsPerStep)} of the resident speed, ${share(resident.medianProcessorMsPerStep, streamed.medianProcessorMsPerStep)} by processor time`,
  );
  for (const { steps, trainer } of sides) {
    await steps.return();
    await trainer.dispose();
  }
  await rm(folder, { recursive: true });
  return report;
}
