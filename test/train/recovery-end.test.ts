/** Devices that are lost for good: the error with its checkpoint, another device that is attached, and `dispose`. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DeviceError, DeviceLostError } from '../../src/errors.ts';
import { loadTrainer } from '../../src/train/create.ts';
import { batch, DATA, Losable, rows, soon, start, undisturbed } from '../support/losable.ts';

afterEach(() => vi.useRealTimers());

describe('the end', () => {
  const never = () => new Promise<Losable>(() => {});
  const none = () => Promise.reject(new DeviceError('device/no-adapter', 'WebGPU: got no adapter.'));

  it.each<[string, () => Promise<Losable>, RegExp]>([
    ['never answers', never, /with another \(WebGPU: got no answer within 10 s\.\)/],
    ['is refused', none, /with another \(WebGPU: got no adapter\.\)/],
  ])('comes within 10 s, with the checkpoint, where the next device %s', async (_, revive, words) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { trainer, lose, engine } = await start({ revive, snapshotEvery: 0 });
    const begin = performance.now();
    let end = 0;
    const running = trainer.fit(DATA, { epochs: 10, onStep: ({ step }) => step === 20 && lose() }).catch((error) => {
      end = performance.now();
      return error;
    });
    const error: DeviceLostError = await soon(running);
    expect(error).toBeInstanceOf(DeviceLostError);
    expect(error.message).toMatch(words);
    expect(error.message).toContain('error.checkpoint holds the run after step');
    expect(end - begin).toBeLessThanOrEqual(10_500);
    vi.useRealTimers();
    // The checkpoint goes on to the same bits.
    const { step } = engine.lastSnapshot!.counters;
    await using loaded = await loadTrainer(error.checkpoint!, { backend: 'cpu', strategy: trainer.program.strategy });
    expect(loaded.finishedSteps).toBe(step);
    await loaded.fit(DATA, { steps: 40 - step });
    expect(await loaded.weights()).toEqual(
      await (async () => {
        const calm = await start();
        await calm.trainer.fit(DATA, { steps: 40 });
        return calm.trainer.weights();
      })(),
    );
  });

  it.each([3, 4])(
    'comes with the fourth loss without a step in between, with the checkpoint: loss %d',
    async (losses) => {
      let left = losses - 1;
      const { trainer, lose, engine, devices, events } = await start({
        revive: async () => {
          const device = new Losable();
          // Once it has taken over, with the next steps.
          if (left-- > 0) device.onRun = () => !engine.recovery.lost && device.lose();
          return device;
        },
      });
      await trainer.fit(DATA, { steps: 12 });
      lose();
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const ended = await soon(trainer.fit(DATA, { steps: 18 }).catch((error) => error));
      vi.useRealTimers();
      expect([devices.length, events.length]).toEqual([4, 3]);
      const calm = await undisturbed((other) => other.fit(DATA, { steps: 30 }));
      if (losses === 3) {
        expect(await trainer.save()).toEqual(calm);
        return;
      }
      expect(ended).toBeInstanceOf(DeviceLostError);
      expect(ended.message).toContain('it was lost 4 times in a row');
      expect(ended.message).toContain('error.checkpoint holds the run after step');
      await using loaded = await loadTrainer(ended.checkpoint, { backend: 'cpu', strategy: trainer.program.strategy });
      await loaded.fit(DATA, { steps: 30 - loaded.finishedSteps });
      expect(await loaded.save()).toEqual(calm);
    },
  );

  it('does not come where steps are finished between the losses', async () => {
    const { trainer, lose, events } = await start();
    await trainer.fit(DATA, { steps: 30, onStep: ({ step }) => void (step % 4 === 0 && lose()) });
    expect(events).toHaveLength(7);
    expect(await trainer.save()).toEqual(await undisturbed((other) => other.fit(DATA, { steps: 30 })));
  });

  it('of a device of the app: every call rejects with the checkpoint, until another is attached', async () => {
    const expected = await undisturbed((trainer) => trainer.fit(DATA, { steps: 30 }));
    const { trainer, lose, engine, devices } = await start({ revive: false });
    await trainer.fit(DATA, { steps: 12 });
    const first: DeviceLostError = await trainer
      .fit(DATA, { steps: 100, onStep: ({ step }) => step === 20 && lose() })
      .catch((error) => error);
    expect(first).toBeInstanceOf(DeviceLostError);
    expect(first.message).toContain('attach(device)');
    expect(first.checkpoint).toBeInstanceOf(Uint8Array);
    const calls = [
      () => trainer.fit(DATA),
      () => trainer.step(batch(0)),
      () => trainer.steps(DATA).next(),
      () => trainer.evaluate(DATA),
      () => trainer.predict(rows.x as Float32Array),
      () => trainer.save(),
      () => trainer.weights(),
      () => trainer.setWeights(new Map()),
      () => trainer.reset(),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(DeviceLostError);
    expect(devices).toHaveLength(1);
    await engine.recovery.attach(new Losable());
    expect(trainer.finishedSteps).toBeGreaterThanOrEqual(20);
    await trainer.fit(DATA, { steps: 30 - trainer.finishedSteps });
    expect(await trainer.save()).toEqual(expected);
  });

  it('attaches another device while the first still works', async () => {
    const expected = await undisturbed((trainer) => trainer.fit(DATA, { steps: 20 }));
    const { trainer, engine } = await start({ revive: false });
    await trainer.fit(DATA, { steps: 12 });
    await engine.recovery.attach(new Losable());
    expect(trainer.finishedSteps).toBe(12);
    await trainer.fit(DATA, { steps: 8 });
    expect(await trainer.save()).toEqual(expected);
  });

  it('by dispose, also during a recovery: calls end, and a device that comes later is given back', async () => {
    let arrive: (device: Losable) => void = () => {};
    const revive = () => new Promise<Losable>((resolve) => (arrive = resolve));
    const { trainer, lose } = await start({ revive });
    await trainer.fit(DATA, { steps: 5 });
    lose();
    const running = trainer.fit(DATA).catch((error) => error);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await trainer.dispose();
    const late = new Losable();
    const disposed = vi.spyOn(late, 'dispose');
    arrive(late);
    expect(await running).toMatchObject({ code: 'device/disposed' });
    expect(disposed).toHaveBeenCalled();
    await expect(trainer.fit(DATA)).rejects.toMatchObject({ code: 'device/disposed' });
  });
});
