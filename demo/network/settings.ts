/** The form: what the person asks for, checked, as data and a spec, and as text for the address. */
import {
  type ActivationName,
  dense,
  type InitializerName,
  type OptimizerInput,
  type OptimizerName,
  type ScheduleInput,
  type SpecInput,
} from 'downhill';
import { makeProblem, type Problem, type ProblemName } from './problems.ts';

const MAX_HIDDEN_LAYERS = 8;
const MAX_UNITS = 64;

export interface Settings {
  problem: ProblemName;
  rows: number;
  noise: number;
  hidden: number[];
  activation: ActivationName;
  initializer: Exclude<InitializerName, 'values' | 'constant'> | 'default';
  /** What the initial weights are multiplied by. */
  scale: number;
  optimizer: OptimizerName | 'momentum';
  learningRate: number;
  schedule: 'constant' | 'step' | 'exponential' | 'cosine' | 'warmup';
  batchSize: number;
  seed: number;
}

/** Steps that a schedule runs over. */
export const SCHEDULE_STEPS = 2000;

/** `"16-16"` → `[16, 16]`; an empty text is a network without hidden layers. Undefined where it makes no sense. */
export function parseHidden(text: string): number[] | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  const widths = trimmed.split(/[-,\s]+/).map(Number);
  const good = widths.every((units) => Number.isInteger(units) && units >= 1 && units <= MAX_UNITS);
  return good && widths.length <= MAX_HIDDEN_LAYERS ? widths : undefined;
}

/** The settings of the form, or undefined where a field makes no sense, which is then marked. */
export function readSettings(form: HTMLFormElement): Settings | undefined {
  const values = formValues(form);
  const text = (name: string) => values[name] ?? '';
  const hidden = parseHidden(text('hidden'));
  const seed = text('seed') === '' ? Number.NaN : Number(text('seed'));
  const seedIsGood = Number.isInteger(seed) && seed >= 0 && seed <= 0xffff_ffff;
  mark(form, 'hidden', hidden !== undefined, `Up to ${MAX_HIDDEN_LAYERS} widths from 1 to ${MAX_UNITS}, as 16-16`);
  mark(form, 'seed', seedIsGood, 'A whole number from 0 to 4294967295');
  if (hidden === undefined || !seedIsGood) return undefined;
  return {
    problem: text('problem') as ProblemName,
    rows: Number(text('rows')),
    noise: Number(text('noise')),
    hidden,
    activation: text('activation') as ActivationName,
    initializer: text('initializer') as Settings['initializer'],
    scale: Number(text('scale')),
    optimizer: text('optimizer') as Settings['optimizer'],
    learningRate: Number(text('learningRate')),
    schedule: text('schedule') as Settings['schedule'],
    batchSize: Number(text('batchSize')),
    seed,
  };
}

export function formValues(form: HTMLFormElement): Record<string, string> {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
}

/** Fills the form in, as far as the values fit its fields. */
export function fillForm(form: HTMLFormElement, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements.namedItem(name);
    if (field instanceof RadioNodeList) {
      for (const radio of field) if ((radio as HTMLInputElement).value === value) field.value = value;
    } else if (field instanceof HTMLSelectElement) {
      if ([...field.options].some((option) => option.value === value)) field.value = value;
    } else if (field instanceof HTMLInputElement) {
      field.value = value;
    }
  }
}

/** One hidden layer more (as wide as the last) or fewer, as the text of the field. */
export function changeDepth(text: string, change: 1 | -1): string {
  const widths = parseHidden(text) ?? [8];
  if (change < 0) widths.pop();
  else if (widths.length < MAX_HIDDEN_LAYERS) widths.push(widths.at(-1) ?? 8);
  return widths.join('-');
}

function scheduleOf({ schedule, learningRate }: Settings): ScheduleInput {
  const cosine = { type: 'cosine', learningRate, steps: SCHEDULE_STEPS, minimum: 0 } as const;
  switch (schedule) {
    case 'constant':
      return learningRate;
    case 'step':
      return { type: 'step', learningRate, stepSize: SCHEDULE_STEPS / 4, gamma: 0.3 };
    case 'exponential':
      return { type: 'exponential', learningRate, gamma: 0.1 ** (1 / SCHEDULE_STEPS) };
    case 'cosine':
      return cosine;
    case 'warmup':
      return { type: 'warmup', steps: SCHEDULE_STEPS / 10, after: { ...cosine, steps: 0.9 * SCHEDULE_STEPS } };
  }
}

/** The data and the network for it. */
export function realize(settings: Settings): { problem: Problem; spec: SpecInput } {
  const problem = makeProblem(settings);
  const { activation, initializer, optimizer, batchSize, seed } = settings;
  const options = initializer === 'default' ? {} : { weightInitializer: initializer };
  const learningRate = scheduleOf(settings);
  const spec: SpecInput = {
    inputs: problem.inputs,
    layers: [
      ...settings.hidden.map((units) => dense(units, { activation, ...options })),
      dense(problem.outputs, options),
    ],
    loss: problem.loss,
    optimizer:
      optimizer === 'momentum'
        ? { type: 'sgd', momentum: 0.9, learningRate }
        : ({ type: optimizer, learningRate } as OptimizerInput),
    batchSize: Math.min(batchSize, settings.rows),
    seed,
  };
  return { problem, spec };
}

function mark(form: HTMLFormElement, name: string, good: boolean, help: string): void {
  const field = form.elements.namedItem(name) as HTMLInputElement;
  const line = document.getElementById(field.getAttribute('aria-describedby') ?? '');
  if (line) {
    line.dataset.usual ??= line.textContent ?? '';
    line.textContent = good ? line.dataset.usual : help;
  }
  field.setAttribute('aria-invalid', String(!good));
}
