/** Inside Deno: reads a case's name from each line of standard input, answers each with a line of JSON. */
import { cases } from '../../contract/cases.ts';
import { caseId, describeAdapter, ErrorWatch, runCase } from '../contract-runner.ts';

declare const Deno: { readonly stdin: { readonly readable: ReadableStream<Uint8Array<ArrayBuffer>> } };

const gpu = navigator.gpu;
const watch = new ErrorWatch(gpu);
const byId = new Map(cases.map((contractCase) => [caseId(contractCase), contractCase]));

function answer(value: object): void {
  console.log(`@@${JSON.stringify(value)}`);
}

answer({ adapter: await describeAdapter(gpu) });
const reader = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
let rest = '';
for (let read = await reader.read(); !read.done; read = await reader.read()) {
  const lines = (rest + read.value).split('\n');
  rest = lines.pop()!;
  for (const id of lines) answer(await runCase(byId.get(id)!, { runtime: 'deno', gpu, watch }));
}
