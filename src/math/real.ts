/** f32 for training, f64 for checks by finite differences. */
export type Real = Float32Array | Float64Array;
