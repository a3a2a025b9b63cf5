/** The command in a process of its own, which may be killed: `node … sweep --data …`. */
import { main } from '../../src/cli/main.ts';

process.exit(await main(process.argv.slice(2)));
