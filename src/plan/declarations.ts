/** The tensors of a program before they have places. */
import type { Role, Slab, TensorName } from '../kernels/kernel.ts';

/** A tensor before it has a place. */
export interface Declaration {
  readonly name: TensorName;
  readonly role: Role;
  readonly slab: Slab;
  readonly rows: number;
  readonly columns: number;
}

/** Collects tensors; only what is declared here has a name. */
export class Declarations {
  readonly all = new Map<TensorName, Declaration>();

  declare(name: string, role: Role, slab: Slab, rows: number, columns: number): TensorName {
    const declared = name as TensorName;
    this.all.set(declared, { name: declared, role, slab, rows, columns });
    return declared;
  }
}
