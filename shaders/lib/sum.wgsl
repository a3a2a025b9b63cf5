// A sum over the invocations of a workgroup, always in the same order; all of them get it.
// The kernel that uses this provides `WORKGROUP`, a power of two, and as many vec4s of memory.
// uses: lib/memory.wgsl

fn workgroup_sum(lane: u32, value: vec4<f32>) -> vec4<f32> {
  // What was summed before has been read.
  workgroupBarrier();
  memory[lane] = value;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { memory[lane] += memory[lane + half]; }
  }
  workgroupBarrier();
  return memory[0];
}
