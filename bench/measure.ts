/** Measures one workload: opens all engines, checks that they compute the same, then times them in turns. */
import { COUNTED, type Counter, type Counts, countDuring } from './counters.ts';
import type { Engine, Session } from './engine.ts';
import { type Problem, randomProblem } from './problem.ts';
import type { Adapter, LeftOut, Row } from './results.ts';
import { disagreement, median, slope, spread, stepsWithin } from './statistics.ts';
import { floorBytesOf, flopsOf, type Workload } from './workload.ts';

export interface Settings {
  /** Timed turns of each engine. */
  repetitions: number;
  /** What one turn of one engine may take, in ms. */
  turnMs: number;
  /** What all turns of one engine may take: an engine gets fewer turns, at least three, or is left out. */
  engineMs: number;
  /** Names that the engine's name contains one of; empty: all. */
  engines: readonly string[];
  /** Strategies by name; empty: all, but `plain`. */
  strategies: readonly string[];
  /** The epochs that `digits` takes at most. */
  epochs: number;
}

/** What the measuring needs from outside of the page. */
export interface Host {
  /** CPU time of the main thread so far, in µs; null where it cannot be had. */
  mainThreadMicros(): Promise<number | null>;
  log(line: string): void;
}

/** Steps whose losses are compared. */
const CHECKED = 3;
/** The largest relative distance of a loss: f32 in another order of summation stays far below. */
const TOLERANCE = 1e-3;
/** The plain loops give the reference where a step of theirs costs no more. */
const REFERENCE_FLOPS = 2e9;
const MOST_STEPS = 4096;
const LEAST_TURNS = 3;
/** Counts that do not come out even in every step need some of them; these here are no matter of time. */
const LEAST_COUNTED = 4;

/** The program without fusions is there to be compared with, not to be fast; it is measured when asked for by name. */
const UNASKED = 'plain';

export interface Candidate {
  readonly engine: Engine;
  readonly strategy: string;
}

interface Open extends Candidate {
  readonly session: Session;
  readonly firstStepMs: number;
  readonly losses: readonly number[];
  readonly disagreement: number;
  /** ms of a step, roughly. */
  pace: number;
}

/** The engines and strategies that the settings ask for. */
export function candidates(engines: readonly Engine[], { engines: names, strategies }: Settings): Candidate[] {
  const asked = engines.filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)));
  return asked.flatMap((engine) =>
    engine.strategies
      .filter((name) => (strategies.length === 0 ? name !== UNASKED : !isOwn(engine) || strategies.includes(name)))
      .map((strategy) => ({ engine, strategy })),
  );
}

/** A product of two matrices is one kernel, whatever the strategy. */
const matmulCandidates = (engines: readonly Engine[], settings: Settings): Candidate[] =>
  candidates(engines, settings)
    .filter(({ engine }, i, all) => engine.openMatmul && all.findIndex((c) => c.engine === engine) === i)
    .map(({ engine }) => ({ engine, strategy: 'matmul' }));

const isOwn = ({ name, device }: Engine) => name.startsWith('downhill') && device === 'webgpu';

export async function measure(
  workload: Workload,
  engines: readonly Engine[],
  reference: Engine,
  settings: Settings,
  adapter: Adapter | undefined,
  host: Host,
): Promise<{ rows: Row[]; leftOut: LeftOut[] }> {
  const rows: Row[] = [];
  const leftOut: LeftOut[] = [];
  const leave = ({ engine, strategy }: Candidate, reason: string) => {
    host.log(`  ${engine.name} ${strategy}: left out, ${reason}`);
    leftOut.push({ workload: workload.id, engine: engine.name, strategy, reason });
  };
  const asked = workload.kind === 'matmul' ? matmulCandidates(engines, settings) : candidates(engines, settings);
  const opened = await openAll(workload, asked, reference, host, leave);
  try {
    const timed: Open[] = [];
    for (const open of await keepFaster(opened, settings, leave)) {
      const turns = LEAST_TURNS * 3 * wholeSubmits(open, 0) * open.pace;
      if (turns <= settings.engineMs) timed.push(open);
      else leave(open, `a step takes about ${Math.round(open.pace)} ms, ${LEAST_TURNS} turns of it too long`);
    }
    const turns = await takeTurns(timed, settings, host);
    for (const open of timed) {
      const row = await toRow(workload, open, turns.get(open)!, adapter);
      const { median, p10, p90 } = row.msPerStep;
      host.log(
        `  ${row.engine} ${row.strategy}: ${median.toPrecision(3)} ms (${p10.toPrecision(3)} to ${p90.toPrecision(3)})`,
      );
      rows.push(row);
    }
  } finally {
    for (const { session } of opened) await session.dispose();
  }
  return { rows, leftOut };
}

/** Opens the engines one after the other; what disagrees with the reference is left out. */
async function openAll(
  workload: Workload,
  asked: readonly Candidate[],
  reference: Engine,
  host: Host,
  leave: (candidate: Candidate, reason: string) => void,
): Promise<Open[]> {
  const matmul = workload.kind === 'matmul';
  const problem = matmul ? undefined : randomProblem(workload);
  const opened: Open[] = [];
  for (const candidate of asked) {
    const { engine, strategy } = candidate;
    const refusal = engine.refuses?.(workload, strategy);
    if (refusal) {
      leave(candidate, refusal);
      continue;
    }
    host.log(`  ${engine.name} ${strategy}: opening …`);
    try {
      const start = performance.now();
      const session = await (problem ? engine.open(problem, strategy) : engine.openMatmul!(workload.batch));
      const losses = problem ? await session.losses(1) : [];
      if (!problem) await session.run(1);
      const firstStepMs = performance.now() - start;
      const begin = performance.now();
      if (problem) losses.push(...(await session.losses(CHECKED - 1)));
      else await session.run(CHECKED - 1);
      const pace = (performance.now() - begin) / (CHECKED - 1);
      opened.push({ ...candidate, session, firstStepMs, losses, disagreement: 0, pace });
    } catch (error) {
      leave(candidate, error instanceof Error ? error.message : String(error));
    }
  }
  if (!problem) return opened;
  const expected = await referenceLosses(problem, reference, opened);
  const agreeing: Open[] = [];
  for (const open of opened) {
    const far = disagreement(open.losses, expected);
    if (far <= TOLERANCE) agreeing.push({ ...open, disagreement: far });
    else {
      leave(open, `it disagrees: losses ${open.losses.join(', ')}, expected ${expected.join(', ')}`);
      await open.session.dispose();
    }
  }
  return agreeing;
}

/** The losses of the plain loops, or where these take too long the middle of all that were got. */
async function referenceLosses(problem: Problem, reference: Engine, opened: readonly Open[]): Promise<number[]> {
  if (flopsOf(problem.workload) > REFERENCE_FLOPS) {
    return Array.from({ length: CHECKED }, (_, k) => median(opened.map(({ losses }) => losses[k]!)));
  }
  const session = await reference.open(problem, reference.strategies[0]!);
  try {
    return await session.losses(CHECKED);
  } finally {
    await session.dispose();
  }
}

/** Warms everything up and paces it; of engines that only write the same in two ways the faster one stays. */
async function keepFaster(
  opened: readonly Open[],
  { turnMs }: Settings,
  leave: (candidate: Candidate, reason: string) => void,
): Promise<Open[]> {
  for (const open of opened) {
    const grain = open.session.grain ?? 1;
    await open.session.run(grain - (CHECKED % grain));
    // Twice: what is compiled late, or grows with the length of a run, is there the second time.
    for (let i = 0; i < 2; i++) {
      const steps = wholeSubmits(open, turnMs / 6);
      const start = performance.now();
      await open.session.run(steps);
      open.pace = (performance.now() - start) / steps;
      if (open.pace > turnMs) break;
    }
  }
  return opened.filter((open) => {
    if (!open.engine.fasterOnly) return true;
    const better = opened.find((other) => other.engine === open.engine && other.pace < open.pace);
    if (better)
      leave(
        open,
        `${better.strategy} is faster: ${better.pace.toPrecision(3)} to ${open.pace.toPrecision(3)} ms a step`,
      );
    return !better;
  });
}

/** As many steps as fit the time, a multiple of what goes into a submit. */
function wholeSubmits({ session, pace }: Open, ms: number): number {
  const grain = session.grain ?? 1;
  return Math.max(grain, grain * Math.floor(stepsWithin(ms, pace, MOST_STEPS) / grain));
}

interface Turns {
  readonly steps: number;
  readonly ms: number[];
  /** Of all turns together: a few µs a step drown in the noise of one. */
  micros: number | null;
}

/** Round after round each engine runs K and 2K steps, a different one first each time. */
async function takeTurns(opened: readonly Open[], settings: Settings, host: Host): Promise<Map<Open, Turns>> {
  const turns = new Map(
    opened.map((open): [Open, Turns & { wanted: number }] => {
      const steps = wholeSubmits(open, settings.turnMs / 3);
      const wanted = stepsWithin(settings.engineMs, 3 * steps * open.pace, settings.repetitions);
      return [
        open,
        { steps, ms: [], micros: 0, wanted: Math.max(Math.min(LEAST_TURNS, settings.repetitions), wanted) },
      ];
    }),
  );
  for (let round = 0; round < settings.repetitions; round++) {
    for (let i = 0; i < opened.length; i++) {
      const open = opened[(i + round) % opened.length]!;
      const turn = turns.get(open)!;
      const { steps, ms, wanted } = turn;
      if (ms.length >= wanted) continue;
      const once = await timed(open.session, steps, host);
      const twice = await timed(open.session, 2 * steps, host);
      ms.push(slope(once.ms, twice.ms, steps));
      const micros = once.micros === null || twice.micros === null ? null : twice.micros - once.micros;
      turn.micros = micros === null || turn.micros === null ? null : turn.micros + micros;
    }
  }
  return turns;
}

async function timed(session: Session, steps: number, host: Host): Promise<{ ms: number; micros: number | null }> {
  const before = await host.mainThreadMicros();
  const start = performance.now();
  await session.run(steps);
  const ms = performance.now() - start;
  const after = await host.mainThreadMicros();
  return { ms, micros: before === null || after === null ? null : after - before };
}

async function toRow(workload: Workload, open: Open, turns: Turns, adapter: Adapter | undefined): Promise<Row> {
  const { engine, strategy, session } = open;
  const msPerStep = spread(turns.ms);
  const counts = engine.device === 'webgpu' ? await countPerStep(session, turns.steps) : undefined;
  const count = (name: Counter) => counts?.[name] ?? null;
  const peak = engine.device === 'webgpu' ? adapter?.peak : undefined;
  const least =
    peak && 1e3 * Math.max(flopsOf(workload) / peak.flopsPerSecond, floorBytesOf(workload) / peak.bytesPerSecond);
  return {
    workload: workload.id,
    engine: engine.name,
    strategy,
    msPerStep,
    stepsPerSecond: 1e3 / msPerStep.median,
    jsMicrosPerStep: turns.micros === null ? null : turns.micros / (turns.steps * turns.ms.length),
    firstStepMs: open.firstStepMs,
    dispatchesPerStep: count('dispatches'),
    submitsPerStep: count('submits'),
    buffersCreatedPerStep: count('buffersCreated'),
    bindGroupsPerStep: count('bindGroups'),
    pipelinesPerStep: count('pipelines'),
    writesPerStep: count('writes'),
    mapsPerStep: count('maps'),
    bytesPerStep: session.plan?.bytesPerStep ?? null,
    flopsPerStep: session.plan?.flopsPerStep ?? null,
    rooflinePercent: least === undefined ? null : (100 * least) / msPerStep.median,
    repetitions: turns.ms.length,
    stepsPerRun: turns.steps,
    losses: [...open.losses],
    disagreement: open.disagreement,
    ...(session.note !== undefined && { note: session.note }),
  };
}

/** Counts of a step in steady state, as slopes too: what a run does once falls out. */
async function countPerStep(session: Session, stepsPerRun: number): Promise<Counts | undefined> {
  const steps = Math.max(stepsPerRun, LEAST_COUNTED);
  const once = await countDuring(() => session.run(steps));
  const twice = await countDuring(() => session.run(2 * steps));
  if (!once || !twice) return undefined;
  const names = Object.keys(COUNTED) as Counter[];
  return Object.fromEntries(names.map((name) => [name, slope(once[name], twice[name], steps)])) as Counts;
}
