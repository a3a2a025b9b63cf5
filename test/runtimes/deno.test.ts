/** The contract cases on wgpu in Deno. */
import { contractSuite } from '../support/contract-suite.ts';
import { openDeno } from '../support/hosts/deno.ts';

contractSuite('deno', openDeno);
