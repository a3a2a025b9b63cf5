/** Random numbers on the device: the integers of Random123's known answers, and normal numbers as on the CPU. */
import { type ShaderTexts, textsOf } from '../../src/kernels/shader.ts';
import { PREFIXES } from '../../src/kernels/shaders.generated.ts';
import { normalPair, philox4x32 } from '../../src/math/random.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';

/** Counter, key and block of `kat_vectors` for philox4x32-10. */
const KNOWN: readonly [counter: number[], key: number[], block: number[]][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [Array(4).fill(0xffffffff), Array(2).fill(0xffffffff), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];
/** Draws at the ends of the logarithm and of the angle, and anywhere. */
const DRAWS = [
  0, 1, 2, 255, 65_537, 0x7fffffff, 0x80000000, 0x80000001, 0xc0000000, 0xfffffffe, 0xffffffff, 123_456_789,
];

const moduleOf = (
  texts: ShaderTexts,
) => /* wgsl */ `${PREFIXES.f32}${texts['lib/scalars.wgsl']}${texts['lib/math.wgsl']}${texts['lib/random.wgsl']}
@group(0) @binding(2) var<storage, read> given: array<u32>;
@group(0) @binding(3) var<storage, read_write> found: array<u32>;
override KNOWN: u32;
override COUNT: u32;

@compute @workgroup_size(1)
fn main() {
  for (var n = 0u; n < KNOWN; n++) {
    let at = n * 6u;
    let counter = vec4<u32>(given[at], given[at + 1u], given[at + 2u], given[at + 3u]);
    let block = philox(counter, vec2<u32>(given[at + 4u], given[at + 5u]));
    for (var i = 0u; i < 4u; i++) { found[n * 4u + i] = block[i]; }
  }
  for (var n = 0u; n < COUNT; n++) {
    for (var m = 0u; m < COUNT; m++) {
      let pair = normal_pair(given[KNOWN * 6u + n], given[KNOWN * 6u + m]);
      let at = KNOWN * 4u + 2u * (n * COUNT + m);
      found[at] = bitcast<u32>(pair.x);
      found[at + 1u] = bitcast<u32>(pair.y);
    }
  }
}`;

async function run({ gpu, runtime }: ContractContext): Promise<void> {
  const words = KNOWN.length * 4 + 2 * DRAWS.length ** 2;
  const given = Uint32Array.from([...KNOWN.flatMap(([counter, key]) => [...counter, ...key]), ...DRAWS]);
  const found = runtime === 'cpu' ? onCpu(words) : await onGpu(gpu!, given, words);
  KNOWN.forEach(([, , block], n) => {
    block.forEach((word, i) => {
      if (found[n * 4 + i] !== word)
        throw new Error(`block ${n}, word ${i}: got ${found[n * 4 + i]}, expected ${word}`);
    });
  });
  const normal = new Float32Array(found.buffer, KNOWN.length * 16);
  DRAWS.forEach((first, n) => {
    DRAWS.forEach((second, m) => {
      normalPair(first, second).forEach((expected, i) => {
        const got = normal[2 * (n * DRAWS.length + m) + i]!;
        // Radius below 6.7; the angle is a multiple of 2⁻²⁴ turns from 2⁻¹ on.
        if (Math.abs(got - expected) <= 4e-6) return;
        throw new Error(`normal numbers of ${first} and ${second}: got ${got}, expected ${expected}`);
      });
    });
  });
}

function onCpu(words: number): Uint32Array<ArrayBuffer> {
  const found = new Uint32Array(words);
  KNOWN.forEach(([counter, key], n) => {
    found.set(philox4x32(counter as [number, number, number, number], key as [number, number]), n * 4);
  });
  const pairs = DRAWS.flatMap((first) => DRAWS.flatMap((second) => normalPair(first, second)));
  new Float32Array(found.buffer, KNOWN.length * 16).set(pairs);
  return found;
}

async function onGpu(gpu: GPU, given: Uint32Array<ArrayBuffer>, words: number): Promise<Uint32Array<ArrayBuffer>> {
  const device = await (await gpu.requestAdapter())!.requestDevice();
  try {
    const buffer = (size: number, usage: number) => device.createBuffer({ size, usage });
    const [STORAGE, COPY_SRC, COPY_DST, MAP_READ] = [128, 4, 8, 1];
    const input = buffer(given.byteLength, STORAGE | COPY_DST);
    const output = buffer(words * 4, STORAGE | COPY_SRC);
    const back = buffer(words * 4, MAP_READ | COPY_DST);
    device.queue.writeBuffer(input, 0, given);
    const constants = { KNOWN: KNOWN.length, COUNT: DRAWS.length };
    const pipeline = await device.createComputePipelineAsync({
      layout: 'auto',
      compute: {
        module: device.createShaderModule({ code: moduleOf(await textsOf('dropout')) }),
        entryPoint: 'main',
        constants,
      },
    });
    const entries = [input, output].map((buffer, i) => ({ binding: i + 2, resource: { buffer } }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(output, 0, back, 0, words * 4);
    device.queue.submit([encoder.finish()]);
    await back.mapAsync(1);
    return new Uint32Array(back.getMappedRange().slice(0));
  } finally {
    device.destroy();
  }
}

export const randomCases: ContractCase[] = [
  { group: 'random', name: 'random numbers are those of the known answers', run },
];
