// Matrix products in blocks of 4 by 4: `r0` to `r3` are the rows of a block. Blocks are values and never indexed, so that
// a compiler keeps them in registers.

struct Block {
  r0: vec4<f32>,
  r1: vec4<f32>,
  r2: vec4<f32>,
  r3: vec4<f32>,
}

fn turned(b: Block) -> Block {
  return Block(
    vec4<f32>(b.r0.x, b.r1.x, b.r2.x, b.r3.x),
    vec4<f32>(b.r0.y, b.r1.y, b.r2.y, b.r3.y),
    vec4<f32>(b.r0.z, b.r1.z, b.r2.z, b.r3.z),
    vec4<f32>(b.r0.w, b.r1.w, b.r2.w, b.r3.w),
  );
}

// sum + left · right, with `left` a column of 4 and `right` a row of 4; every term is one multiply-add.
fn add_outer(sum: Block, left: vec4<f32>, right: vec4<f32>) -> Block {
  return Block(
    sum.r0 + left.x * right,
    sum.r1 + left.y * right,
    sum.r2 + left.z * right,
    sum.r3 + left.w * right,
  );
}

// sum + leftᵀ · right, one row of the sum after the other.
fn add_product(sum: Block, left: Block, right: Block) -> Block {
  return Block(
    sum.r0 + left.r0.x * right.r0 + left.r1.x * right.r1 + left.r2.x * right.r2 + left.r3.x * right.r3,
    sum.r1 + left.r0.y * right.r0 + left.r1.y * right.r1 + left.r2.y * right.r2 + left.r3.y * right.r3,
    sum.r2 + left.r0.z * right.r0 + left.r1.z * right.r1 + left.r2.z * right.r2 + left.r3.z * right.r3,
    sum.r3 + left.r0.w * right.r0 + left.r1.w * right.r1 + left.r2.w * right.r2 + left.r3.w * right.r3,
  );
}
