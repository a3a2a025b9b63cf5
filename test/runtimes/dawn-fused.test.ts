/** The strategies that take a network through several layers at once, on Dawn in Node: beside dawn.test.ts, to save time. */
import { contractSuite } from '../support/contract-suite.ts';
import { openDawn } from '../support/hosts/dawn.ts';

contractSuite('dawn', openDawn, (id) => /^kernels: (resident|row-fused): /.test(id));
