/** Where the measuring takes place, seen from the command. */
import type { Door } from '../inside.ts';

export interface Place {
  readonly door: Door;
  /** `Chrome/156.0…`, `Node 20.20 (Dawn 0.6.2)`. */
  readonly name: string;
  /** Addresses of the rivals' modules, as the place imports them. */
  readonly rivals: readonly string[];
  readonly gpu?: GPU;
  close(): Promise<void>;
}

export const RIVALS = ['jax', 'tfjs'] as const;
