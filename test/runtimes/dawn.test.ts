/** The contract cases on Dawn in Node, but for those of dawn-fused.test.ts. */
import { contractSuite } from '../support/contract-suite.ts';
import { openDawn } from '../support/hosts/dawn.ts';

contractSuite('dawn', openDawn, (id) => !/^kernels: (resident|row-fused): /.test(id));
