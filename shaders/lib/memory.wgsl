// The memory that the invocations of a workgroup share.

override MEMORY_FOURS: u32;

var<workgroup> memory: array<vec4<f32>, MEMORY_FOURS>;
