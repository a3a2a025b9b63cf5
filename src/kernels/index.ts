/** All kernels by name; a shader without its contract here does not compile. */
import { activation_backward } from './activation_backward.ts';
import { activation_forward } from './activation_forward.ts';
import { add } from './add.ts';
import { batch_norm_backward } from './batch_norm_backward.ts';
import { batch_norm_forward } from './batch_norm_forward.ts';
import { batch_norm_running } from './batch_norm_running.ts';
import { dense_backward_input } from './dense_backward_input.ts';
import { dense_backward_weight } from './dense_backward_weight.ts';
import { dense_forward } from './dense_forward.ts';
import { dropout } from './dropout.ts';
import { embedding_backward } from './embedding_backward.ts';
import { embedding_forward } from './embedding_forward.ts';
import { fused_delta } from './fused_delta.ts';
import { fused_forward } from './fused_forward.ts';
import { fused_gradients } from './fused_gradients.ts';
import { fused_head } from './fused_head.ts';
import { fused_rows } from './fused_rows.ts';
import { fused_update } from './fused_update.ts';
import { gather_rows } from './gather_rows.ts';
import { gaussian_noise } from './gaussian_noise.ts';
import { gradient_squares } from './gradient_squares.ts';
import { keep_scores } from './keep_scores.ts';
import type { Kernel, KernelName } from './kernel.ts';
import { loss } from './loss.ts';
import { max_norm } from './max_norm.ts';
import { optimizer_update } from './optimizer_update.ts';
import { rank_rows } from './rank_rows.ts';
import { reduce_metrics } from './reduce_metrics.ts';
import { resident } from './resident.ts';
import { round_weights } from './round_weights.ts';
import { row_norm_backward } from './row_norm_backward.ts';
import { row_norm_forward } from './row_norm_forward.ts';
import { step_norms } from './step_norms.ts';
import { tally_classes } from './tally_classes.ts';
import { tally_targets } from './tally_targets.ts';

export const KERNELS: Readonly<Record<KernelName, Kernel>> = {
  activation_backward,
  gaussian_noise,
  dropout,
  batch_norm_running,
  batch_norm_forward,
  batch_norm_backward,
  add,
  activation_forward,
  dense_backward_input,
  dense_backward_weight,
  dense_forward,
  embedding_backward,
  embedding_forward,
  fused_delta,
  fused_forward,
  fused_gradients,
  fused_head,
  fused_rows,
  fused_update,
  gather_rows,
  gradient_squares,
  keep_scores,
  loss,
  max_norm,
  optimizer_update,
  rank_rows,
  reduce_metrics,
  resident,
  round_weights,
  row_norm_backward,
  row_norm_forward,
  step_norms,
  tally_classes,
  tally_targets,
};
