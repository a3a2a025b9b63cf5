/** Specs for rows that stream, and the epochs that a source gives for them. */
import type { Piece, PieceSource } from '../../../src/data/pieces.ts';
import { parseSpec, type Spec, type SpecInput } from '../../../src/spec/spec.ts';

/** Three classes of one input. */
export const spec = (more: Partial<SpecInput> = {}): Spec =>
  parseSpec({
    inputs: 1,
    layers: [{ type: 'dense', units: 3 }],
    loss: 'softmaxCrossEntropy',
    batchSize: 4,
    seed: 3,
    ...more,
  });
/** One number in their place. */
export const number = { layers: [{ type: 'dense', units: 1 }], loss: 'meanSquaredError' } as const;

/** The pieces of an epoch, joined: the first input of every row. */
export async function epochOf(source: PieceSource, own: Spec, epoch = 0, position = 0, batch = 4): Promise<number[]> {
  await source.open(own, batch);
  const rows: number[] = [];
  for await (const { rows: part, last } of source.pieces({ epoch, position }, own, batch)) {
    for (let row = 0; row < part.count; row++) rows.push(part.x[row * part.width]!);
    if (last) break;
  }
  return rows;
}

export async function firstPiece(source: PieceSource, own: Spec): Promise<Piece> {
  await source.open(own, 4);
  for await (const piece of source.pieces({ epoch: 0, position: 0 }, own, 4)) return piece;
  throw new Error('no piece');
}

/** 0, 1, 2, … */
export const counted = (n: number) => Array.from({ length: n }, (_, i) => i);
