/** Predictions and speed of models that read the same test images. */
import { classify, type Matrix } from './network';

export interface Model {
  readonly name: string;
  readonly kernel: string;
  readonly bytes: number;
  /** Logits of test images `from` up to `to`; valid until the next run. */
  run(from: number, to: number): Matrix;
}

/** The classes of the first `count` images. */
export function predict(model: Model, count: number, batch: number): Uint8Array {
  const classes = new Uint8Array(count);
  for (let from = 0; from < count; from += batch) classes.set(classify(model.run(from, Math.min(from + batch, count))), from);
  return classes;
}

/** What float32 logits may differ by where another batch size sums in another order. Integer sums have no such freedom. */
const TOLERANCE = 1e-4;

/** Throws unless the logits of an image are the same at each batch size. */
export function verifyBatches(model: Model, batches: readonly number[]): void {
  const count = Math.max(...batches);
  const { data, shape } = model.run(0, count);
  const expected = data.slice(0, count * shape[1]);
  for (const batch of batches) {
    for (let from = 0; from + batch <= count; from += batch) {
      const { data: logits } = model.run(from, from + batch);
      for (let i = 0; i < batch * shape[1]; i++) {
        const wanted = expected[from * shape[1] + i];
        if (Math.abs(logits[i] - wanted) <= TOLERANCE) continue;
        throw new Error(`Expected logit ${wanted} of ${model.name} at batch ${batch} but received ${logits[i]}`);
      }
    }
  }
}

const ROUNDS = 21;
const IMAGES_PER_ROUND = 1000;

/** Images per second of each model: the median of many rounds. They take turns, so that a busy machine slows all of them. */
export function measureSpeed(models: readonly Model[], batch: number, count: number, rounds = ROUNDS): number[] {
  const speeds = models.map(() => new Float64Array(rounds));
  const batches = Math.floor(Math.min(IMAGES_PER_ROUND, count) / batch);
  for (let round = 0; round < rounds; round++) {
    for (const [i, model] of models.entries()) {
      const start = performance.now();
      for (let from = 0; from < batches * batch; from += batch) model.run(from, from + batch);
      speeds[i][round] = (1000 * batches * batch) / (performance.now() - start);
    }
  }
  return speeds.map((speed) => speed.sort()[rounds >> 1]);
}
