/**
 * Puts images that wait into one call. Nothing is delayed for the sake of a larger batch: a batch takes what came in while the one
 * before it was computed, so that batches grow with the load and a lone request waits for nobody.
 */
import type { Predict } from './model';

interface Waiting {
  readonly image: Uint8Array;
  readonly resolve: (logits: Float32Array) => void;
  readonly reject: (reason: unknown) => void;
}

export class Batcher {
  readonly #predict: Predict;
  readonly #maxBatch: number;
  readonly #waiting: Waiting[] = [];
  #running = false;

  constructor(predict: Predict, maxBatch: number) {
    this.#predict = predict;
    this.#maxBatch = maxBatch;
  }

  /** Images that no batch has taken yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The logits of one image; rejects with the error of its batch, if that fails. */
  run(image: Uint8Array): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ image, resolve, reject });
      if (!this.#running) this.#schedule();
    });
  }

  /** Once the event loop has read what arrived in this turn; the only way to batch where `predict` is synchronous. */
  #schedule(): void {
    this.#running = true;
    setImmediate(() => void this.#next());
  }

  async #next(): Promise<void> {
    const batch = this.#waiting.splice(0, this.#maxBatch);
    try {
      const { data, shape } = await this.#predict(concat(batch.map(({ image }) => image)));
      const classes = shape[1];
      for (const [i, { resolve }] of batch.entries()) resolve(data.subarray(i * classes, (i + 1) * classes));
    } catch (reason) {
      for (const { reject } of batch) reject(reason);
    }
    this.#running = false;
    if (this.#waiting.length > 0) this.#schedule();
  }
}

function concat(images: readonly Uint8Array[]): Uint8Array {
  if (images.length === 1) return images[0];
  const all = new Uint8Array(images.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const image of images) {
    all.set(image, offset);
    offset += image.length;
  }
  return all;
}
