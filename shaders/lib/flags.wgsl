// The words of lib/guard.wgsl in memory, for kernels that share a step with others.
// uses: lib/scalars.wgsl, lib/metrics.wgsl

fn flag(word: u32) -> u32 { return atomicLoad(&metrics[scalars.model].flags[word]); }
fn set_flag(word: u32, code: u32) { atomicStore(&metrics[scalars.model].flags[word], code); }
fn raise_flag(word: u32, code: u32) { atomicMax(&metrics[scalars.model].flags[word], code); }
