/** The command line of the benchmark. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Settings } from './measure.ts';
import { parseWorkload, WORKLOADS, type Workload } from './workload.ts';

export interface Options {
  backend: 'chrome' | 'node';
  quick: boolean;
  gpu: boolean;
  rivals: boolean;
  workloads: readonly Workload[];
  settings: Settings;
  stepsPerSubmit?: number | 'adaptive';
  json?: string;
  html?: string;
  save: boolean;
}

interface Flags {
  backend: 'chrome' | 'node';
  quick?: true;
  gpu?: true;
  rivals: boolean;
  workload?: string[];
  engine?: string[];
  strategy?: string[];
  repetitions?: number;
  turn?: number;
  stepsPerSubmit?: number | 'adaptive';
  json?: string;
  html?: string;
  save?: true;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected an integer ≥ 1.');
  return value;
}

const pacing = (text: string) => (text === 'adaptive' ? text : positive(text));
const list = (text: string) => text.split(',').filter(Boolean);

function makeCommand(): Command {
  return new Command('bench')
    .description('Measures a training step beside other libraries: one page, one adapter, engines in turns.')
    .addOption(
      new Option('--backend <where>', 'a page in Chrome, or Dawn in Node')
        .choices(['chrome', 'node'])
        .default('chrome'),
    )
    .option('--quick', 'under 3 minutes: fewer workloads, fewer and shorter turns')
    .option('--gpu', 'the real GPU in Chrome; without it Chrome takes SwiftShader')
    .option('--no-rivals', 'Downhill and the plain loops alone')
    .option('--workload <names>', 'parts of names, or nets like 784-256x2-10@64; separated by commas', list)
    .option('--engine <names>', 'parts of names: downhill,jax-webgpu', list)
    .option('--strategy <names>', "Downhill's strategies, `plain` too", list)
    .option('--repetitions <n>', 'turns of each engine', positive)
    .option('--turn <ms>', 'time that a turn may take', positive)
    .option('--steps-per-submit <n>', 'of Downhill; default up to 64, fewer of large nets', pacing)
    .option('--json <file>', 'write the results')
    .option('--html <file>', 'write a page with bars')
    .option('--save', 'write both into bench/results/, named by adapter and date')
    .exitOverride();
}

/** @throws CommanderError for what it does not know, and after it has shown the help */
export function parseOptions(args: readonly string[]): Options {
  const command = makeCommand().parse(args, { from: 'user' });
  const flags = command.opts<Flags>();
  const quick = flags.quick === true;
  return {
    backend: flags.backend,
    quick,
    gpu: flags.gpu === true,
    rivals: flags.rivals,
    workloads: chooseWorkloads(flags.workload, quick),
    settings: {
      repetitions: flags.repetitions ?? (quick ? 5 : 15),
      turnMs: flags.turn ?? (quick ? 500 : 2000),
      engineMs: quick ? 8000 : 120_000,
      engines: flags.engine ?? [],
      strategies: flags.strategy ?? [],
      epochs: quick ? 5 : 20,
    },
    ...(flags.stepsPerSubmit !== undefined && { stepsPerSubmit: flags.stepsPerSubmit }),
    ...(flags.json !== undefined && { json: flags.json }),
    ...(flags.html !== undefined && { html: flags.html }),
    save: flags.save === true,
  };
}

/** Those of the list whose name contains a part, and nets that are written out. */
export function chooseWorkloads(names: readonly string[] | undefined, quick: boolean): Workload[] {
  if (!names) return WORKLOADS.filter((workload) => !quick || workload.quick);
  return names.flatMap((name) => {
    const exact = WORKLOADS.find(({ id }) => id === name) ?? parseWorkload(name);
    const found = exact ? [exact] : WORKLOADS.filter(({ id }) => id.includes(name));
    if (found.length > 0) return found;
    const known = WORKLOADS.map(({ id }) => id).join(', ');
    throw new Error(`--workload: got ${name}, expected a part of ${known}, or a net like 784-256x2-10@64.`);
  });
}
