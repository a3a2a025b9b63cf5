/** Inside the page: offers the contract cases to the test that opened it. */
import { cases } from '../../contract/cases.ts';
import { type CaseResult, caseId, describeAdapter, ErrorWatch, runCase } from '../contract-runner.ts';

export interface ContractPage {
  adapter(): Promise<string>;
  run(id: string): Promise<CaseResult>;
}

declare global {
  var contract: ContractPage;
}

const gpu = navigator.gpu;
const watch = new ErrorWatch(gpu);
const byId = new Map(cases.map((contractCase) => [caseId(contractCase), contractCase]));

globalThis.contract = {
  adapter: () => describeAdapter(gpu),
  run: (id) => runCase(byId.get(id)!, { runtime: 'chromium', gpu, watch }),
};
