/** Runs contract cases in this very process: on the CPU, or on a GPU that Node was given. */
import { cases } from '../../contract/cases.ts';
import { caseId, describeAdapter, ErrorWatch, type RuntimeName, runCase } from '../contract-runner.ts';
import type { CaseHost } from '../contract-suite.ts';

export async function openInProcess(runtime: RuntimeName, gpu?: GPU): Promise<CaseHost> {
  const where = gpu ? { runtime, gpu, watch: new ErrorWatch(gpu) } : { runtime };
  const byId = new Map(cases.map((contractCase) => [caseId(contractCase), contractCase]));
  return {
    adapter: gpu ? await describeAdapter(gpu) : `JavaScript in Node ${process.version}`,
    run: (id) => runCase(byId.get(id)!, where),
    close: async () => {},
  };
}
