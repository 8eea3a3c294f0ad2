import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { SettledWatch } from '../src/settled-watch.ts';

const EVERY_MS = 50;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Looks are answered with what `saw` says, one after the other. */
function watching(known: string | null) {
  const changed = vi.fn();
  const look = vi.fn<() => Promise<string | null>>();
  const watch = new SettledWatch({ look, everyMs: EVERY_MS, changed });
  watch.start(known);
  onTestFinished(() => watch.stop());
  const saw = async (...texts: readonly (string | null)[]) => {
    for (const text of texts) {
      look.mockResolvedValueOnce(text);
      await vi.advanceTimersByTimeAsync(EVERY_MS);
    }
  };
  return { watch, changed, look, saw };
}

test('what is there at the start is no change', async () => {
  const { changed, saw } = watching('a');
  await saw('a', 'a', 'a');
  expect(changed).not.toHaveBeenCalled();
});

test('a change is told once, when two looks in a row found the same', async () => {
  const { changed, saw } = watching('a');
  await saw('b', 'bb', 'bbb');
  expect(changed).not.toHaveBeenCalled();
  await saw('bbb');
  expect(changed).toHaveBeenCalledOnce();
  await saw('bbb', 'bbb');
  expect(changed).toHaveBeenCalledOnce();
});

test('what is as it was before it settled is no change', async () => {
  const { changed, saw } = watching('a');
  await saw('b', 'a', 'a');
  expect(changed).not.toHaveBeenCalled();
});

test('what cannot be told just now is no change, and does not settle what was seen before', async () => {
  const { changed, saw } = watching('a');
  await saw(null, null, 'b', null, 'b');
  expect(changed).not.toHaveBeenCalled();
  await saw('b');
  expect(changed).toHaveBeenCalledOnce();
});

test('the next look comes when what was told is done, and none when it is stopped', async () => {
  const { watch, changed, look, saw } = watching('a');
  let done = () => {};
  changed.mockReturnValueOnce(
    new Promise<void>((resolve) => {
      done = resolve;
    }),
  );
  await saw('b', 'b');
  await vi.advanceTimersByTimeAsync(5 * EVERY_MS);
  expect(look).toHaveBeenCalledTimes(2);
  done();
  await saw('b');
  expect(look).toHaveBeenCalledTimes(3);
  watch.stop();
  await vi.advanceTimersByTimeAsync(5 * EVERY_MS);
  expect(look).toHaveBeenCalledTimes(3);
});
