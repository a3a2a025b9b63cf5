/** The contract cases on Dawn in Node. */
import { contractSuite } from '../support/contract-suite.ts';
import { openDawn } from '../support/hosts/dawn.ts';

contractSuite('dawn', openDawn);
