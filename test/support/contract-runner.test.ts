/** The runner of contract cases must be able to fail: on errors, on time, and on what only the GPU noticed. */
import { describe, expect, test } from 'vitest';
import { type ContractCase, casesFor, ErrorWatch, runCase } from './contract-runner.ts';

function contractCase(run: ContractCase['run'], more: Partial<ContractCase> = {}): ContractCase {
  return { group: 'group', name: 'name', run, ...more };
}

/** As much of a GPU as the watch touches; `complain` is the driver that noticed a mistake. */
function fakeGpu() {
  const listeners: ((event: { error: Error; preventDefault(): void }) => void)[] = [];
  const device = {
    lost: new Promise(() => {}),
    addEventListener: (_: string, listener: (typeof listeners)[number]) => listeners.push(listener),
    pushErrorScope: () => {},
    popErrorScope: async () => null,
  };
  const gpu = { requestAdapter: async () => ({ requestDevice: async () => device }) } as unknown as GPU;
  const complain = (message: string) => {
    for (const listener of listeners) listener({ error: new Error(message), preventDefault: () => {} });
  };
  return { gpu, complain };
}

async function anyDevice(gpu: GPU | undefined): Promise<void> {
  await (await gpu?.requestAdapter())?.requestDevice();
}

describe('a case', () => {
  test('passes by returning, with its log', async () => {
    const result = await runCase(
      contractCase(async ({ log }) => log('seen')),
      { runtime: 'cpu' },
    );
    expect(result).toMatchObject({ passed: true, log: ['seen'] });
    expect(result.error).toBeUndefined();
  });

  test('hands on the largest of what it measured, and fails for what is no number', async () => {
    const of = (...deviations: number[]) =>
      runCase(
        contractCase(async ({ measured }) => deviations.forEach(measured)),
        { runtime: 'cpu' },
      );
    expect(await of(1e-8, 3e-8, 2e-8)).toMatchObject({ passed: true, deviation: 3e-8 });
    expect(await of()).not.toHaveProperty('deviation');
    expect((await of(1e-8, Number.NaN)).error).toContain('measured NaN');
  });

  test('fails by throwing, at once or later, with the message and its cause', async () => {
    const later = contractCase(async () => {
      await Promise.resolve();
      throw new TypeError('too late', { cause: new Error('the reason') });
    });
    const atOnce = contractCase(() => {
      throw new Error('too early');
    });
    const result = await runCase(later, { runtime: 'cpu' });
    expect(result.passed).toBe(false);
    expect(result.error).toMatch(/too late.*caused by.*the reason/s);
    expect((await runCase(atOnce, { runtime: 'cpu' })).error).toContain('too early');
  });

  test('fails when its time is up', async () => {
    const result = await runCase(
      contractCase(() => new Promise(() => {})),
      { runtime: 'cpu', limit: 20 },
    );
    expect(result).toMatchObject({ passed: false, timedOut: true });
    expect(result.error).toContain('0.02 s');
  });

  test('fails by an error that only the device reported, and the next case does not', async () => {
    const { gpu, complain } = fakeGpu();
    const watch = new ErrorWatch(gpu);
    const careless = contractCase(async (context) => {
      await anyDevice(context.gpu);
      complain('binding 3 is missing');
    });
    const where = { runtime: 'dawn', gpu, watch } as const;
    expect((await runCase(careless, where)).error).toBe('uncaptured GPU error: binding 3 is missing');
    expect(
      (
        await runCase(
          contractCase(({ gpu }) => anyDevice(gpu)),
          where,
        )
      ).passed,
    ).toBe(true);
  });
});

describe('the list of cases', () => {
  const run = async () => {};

  test('holds those meant for the runtime', () => {
    const onGpu = contractCase(run, { name: 'gpu', runtimes: ['dawn', 'deno'] });
    const everywhere = contractCase(run);
    expect(casesFor('cpu', [onGpu, everywhere])).toEqual([everywhere]);
    expect(casesFor('deno', [onGpu, everywhere])).toEqual([onGpu, everywhere]);
  });

  test('refuses one name for two', () => {
    expect(() => casesFor('cpu', [contractCase(run), contractCase(run)])).toThrow('"group: name" exists twice');
    expect(() => casesFor('cpu', [contractCase(run), contractCase(run, { group: 'other' })])).not.toThrow();
  });
});
