/** The contract cases on the CPU executor, in Node. */
import { contractSuite } from '../support/contract-suite.ts';
import { openInProcess } from '../support/hosts/in-process.ts';

contractSuite('cpu', () => openInProcess('cpu'));
