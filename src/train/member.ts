/** What an engine is told: its models, and how to run them. */
import type { Fingerprint } from '../data/fingerprint.ts';
import type { NamedTensor } from '../io/tensors.ts';
import type { Choices, Strategy } from '../plan/program.ts';
import type { ScheduleFunction } from '../spec/schedules.ts';
import type { Spec } from '../spec/spec.ts';
import type { Tensors } from './params.ts';
import type { RecoveryOptions } from './recovery.ts';
import type { Snapshot } from './snapshot.ts';

/** One of the models that train side by side: they differ in their seed and in numbers, never in shape. */
export interface Member {
  readonly spec: Spec;
  /** The function of a `custom` schedule. */
  readonly schedule?: ScheduleFunction | undefined;
  /** Where it starts; default: what its seed and initialisers give. */
  readonly weights?: ReadonlyMap<string, NamedTensor> | undefined;
}

/** What a file may have beside a model and its state. */
export interface Beside {
  /** Where the run goes back to when its numbers turn bad. */
  readonly point?: Snapshot | undefined;
  /** The best weights so far. */
  readonly best?: Tensors | undefined;
  /** The rows that it was trained on. */
  readonly data?: Fingerprint | undefined;
  /** Whether it comes from a file: nobody here knows its rows. */
  readonly file?: boolean | undefined;
}

export interface EngineOptions extends RecoveryOptions {
  /** Default: one model, that of the program's spec. */
  members?: readonly Member[];
  stepsPerSubmit?: number | undefined;
  /** What was asked for: the program may have to be made again for another batch. */
  strategy?: 'auto' | Strategy;
  /** Variants that were measured, or came with a file: they stay, also for another batch. */
  choices?: Choices | undefined;
}
