/** The form: what the person asks for, checked, as a spec. */
import { type ActivationName, dense, type OptimizerName, type SpecInput } from 'downhill';
import { makeProblem, type Problem, type ProblemName } from './problems.ts';

const MAX_HIDDEN_LAYERS = 6;
const MAX_UNITS = 256;

export interface Settings {
  problem: ProblemName;
  hidden: number[];
  activation: ActivationName;
  optimizer: OptimizerName;
  learningRate: number;
  batchSize: number;
  seed: number;
}

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
  const values = new FormData(form);
  const text = (name: string) => String(values.get(name) ?? '');
  const hidden = parseHidden(text('hidden'));
  const seed = text('seed') === '' ? Number.NaN : Number(text('seed'));
  const seedIsGood = Number.isInteger(seed) && seed >= 0 && seed <= 0xffff_ffff;
  mark(form, 'hidden', hidden !== undefined, `Up to ${MAX_HIDDEN_LAYERS} widths from 1 to ${MAX_UNITS}, as 16-16`);
  mark(form, 'seed', seedIsGood, 'A whole number from 0 to 4294967295');
  if (hidden === undefined || !seedIsGood) return undefined;
  return {
    problem: text('problem') as ProblemName,
    hidden,
    activation: text('activation') as ActivationName,
    optimizer: text('optimizer') as OptimizerName,
    learningRate: Number(text('learningRate')),
    batchSize: Number(text('batchSize')),
    seed,
  };
}

/** One hidden layer more (as wide as the last) or fewer, as the text of the field. */
export function changeDepth(text: string, change: 1 | -1): string {
  const widths = parseHidden(text) ?? [16];
  if (change < 0) widths.pop();
  else if (widths.length < MAX_HIDDEN_LAYERS) widths.push(widths.at(-1) ?? 16);
  return widths.join('-');
}

/** The data and the network for it. */
export function realize(settings: Settings): { problem: Problem; spec: SpecInput } {
  const problem = makeProblem(settings.problem, settings.seed);
  const hidden = settings.hidden.map((units) => dense(units, { activation: settings.activation }));
  const spec: SpecInput = {
    inputs: problem.inputs,
    layers: [...hidden, dense(problem.outputs)],
    loss: problem.loss,
    optimizer: { type: settings.optimizer, learningRate: settings.learningRate },
    batchSize: settings.batchSize,
    seed: settings.seed,
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
