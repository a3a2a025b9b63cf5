/** Reports each contract case of a runtime as a vitest test of its own. */
import { afterAll, describe, test } from 'vitest';
import { cases } from '../contract/cases.ts';
import { type CaseResult, caseId, casesFor, LIMIT, type RuntimeName } from './contract-runner.ts';
import { checkParity, isWriting, writeParity } from './parity.ts';
import { lookUp, need, type RuntimeStart } from './runtimes.ts';
import { within } from './within.ts';

/** A runtime that has been started and runs cases by name. */
export interface CaseHost {
  /** The adapter in words. */
  readonly adapter: string;
  run(id: string): Promise<CaseResult>;
  close(): Promise<void>;
}

/** What a host may take on top of a case's own limit: to start, and to answer. In milliseconds. */
const START = 90_000;
const ANSWER = 10_000;

/**
 * Declares the tests of one runtime; `open` starts it, and again after a case hung or took it down.
 * @param wanted which cases: those of one runtime may be spread over several files
 */
export function contractSuite<R extends RuntimeName>(
  runtime: R,
  open: (start: RuntimeStart[R]) => Promise<CaseHost>,
  wanted: (id: string) => boolean = () => true,
) {
  const { found, missing } = lookUp(runtime);
  let host: CaseHost | undefined;
  let adapter = '';
  const measured = new Map<string, number>();

  async function close() {
    const open = host;
    host = undefined;
    await open?.close();
  }

  async function run(id: string, limit: number): Promise<CaseResult> {
    if (!host) {
      host = await open(found!);
      adapter = host.adapter;
      console.log(`${runtime}: ${adapter}`);
    }
    try {
      const result = await within(host.run(id), limit + ANSWER, `${runtime} did not answer`);
      if (result.timedOut) await close();
      return result;
    } catch (error) {
      await close();
      throw error;
    }
  }

  describe(runtime, () => {
    afterAll(async () => {
      await close();
      if (isWriting() && measured.size > 0) writeParity(runtime, adapter, measured);
    });
    if (missing) {
      test('is on this machine', ({ skip }) => void need(runtime, skip));
      return;
    }
    for (const contractCase of casesFor(runtime, cases)) {
      const id = caseId(contractCase);
      if (!wanted(id)) continue;
      const limit = contractCase.slow ? LIMIT.slow : LIMIT.quick;
      test(id, { timeout: limit + START + ANSWER }, async () => {
        const { passed, error, log, deviation } = await run(id, limit);
        if (log.length > 0) console.log(log.join('\n'));
        if (!passed) throw new Error(error);
        if (deviation === undefined) return;
        measured.set(id, deviation);
        if (!isWriting()) checkParity(runtime, adapter, id, deviation);
      });
    }
  });
}
