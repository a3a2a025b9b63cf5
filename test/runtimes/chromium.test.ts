/** The contract cases in Chrome. */
import { contractSuite } from '../support/contract-suite.ts';
import { openChromium } from '../support/hosts/chromium.ts';

contractSuite('chromium', openChromium);
