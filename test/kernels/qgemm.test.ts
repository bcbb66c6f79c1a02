/** The 8-bit product on every instruction set against the oracle, for equality: shapes around the tile, extremes, random cases. */
import { packWeights, quantize, runtime } from 'lowp';
import { around, kernelOf, tileOf, unique, usableIsas, useIsa } from '../helpers/isas';
import { check, checkAsync, type Fill } from '../helpers/qgemm';
import { randomShape, STATIC_TYPES, TYPES, variant } from '../helpers/qgemmCases';
import { Random } from '../helpers/random';

const BATCHES = 30;
const BATCH_SIZE = 100;

const isas = usableIsas();

test('every supported kernel is the choice of some instruction set', () => {
  const supported = runtime.kernels().flatMap((k) => (k.family === 'qgemm' && k.supported ? [k.name] : []));
  const chosen = isas.flatMap((isa) => kernelOf('qgemm', isa)?.name ?? []);
  expect([...new Set(chosen)].sort()).toEqual(supported.sort());
});

describe.each(isas)('qgemm > %s', (isa) => {
  const { mr, nr, kr } = tileOf('qgemm', isa);
  useIsa(isa);

  describe.each(STATIC_TYPES)('around the tile > $a x $b', (types) => {
    test.each(around(mr))('M%i, each N and K: int32, and a variant', (m) => {
      for (const n of around(nr)) {
        for (const k of unique(0, 1, kr - 1, kr, kr + 1, 31, 67)) {
          check({ m, n, k, ...types, output: 's32' });
          check(variant(new Random(`${m} ${n} ${k}`), { m, n, k }, types));
        }
      }
    });
  });

  test.each(around(mr))('around the tile > float32 activations > M%i, each N and K', (m) => {
    for (const n of around(nr)) {
      for (const k of unique(0, 1, kr, kr + 1, 31, 67)) {
        check({ m, n, k, a: 'f32', b: 's8', output: 'f32' });
        check(variant(new Random(`dynamic ${m} ${n} ${k}`), { m, n, k }, { a: 'f32', b: 'u8' }));
      }
    }
  });

  describe.each(STATIC_TYPES)('extremes > $a x $b', (types) => {
    const lowA = types.a === 'u8' ? 0 : -128;
    const lowB = types.b === 'u8' ? 0 : -128;
    const fills: readonly Fill[] = ['min/min', 'min/max', 'max/min', 'max/max', 'random'];

    test.each(fills)('%s with zero points at both ends and in the middle', (fill) => {
      const shape = { m: mr + 1, n: nr + 1, fill };
      for (const za of [lowA, lowA + 128, lowA + 255, 'row'] as const) {
        for (const zb of [lowB, lowB + 128, lowB + 255, 'col'] as const) {
          for (const k of [2, 67, 513]) check({ ...shape, k, ...types, za, zb, output: 's32' });
          check({ ...shape, k: 130, ...types, za, zb, output: 'f32' });
          check({ ...shape, k: 130, ...types, za, zb, output: 'u8', bias: 's32' });
          check({ ...shape, k: 130, ...types, za, zb, output: 's8', bias: 'f32' });
        }
      }
    });

    test('the greatest legal depth, where the sum reaches the end of int32', () => {
      for (const [za, zb] of [
        [lowA, lowB],
        [lowA + 255, lowB],
        [lowA + 128, lowB + 255],
      ]) {
        const reach = (zero: number, low: number): number => Math.max(zero - low, low + 255 - zero);
        const k = Math.floor((2 ** 31 - 1) / (reach(za, lowA) * reach(zb, lowB)));
        for (const fill of fills) check({ m: 2, n: 3, k, ...types, za, zb, fill, output: 's32' });
        expect(() => check({ m: 2, n: 3, k: k + 1, ...types, za, zb, output: 's32' })).toThrow(/at most/);
      }
    });
  });

  test.each(STATIC_TYPES)('narrow weights > $a x $b, around the tile', (types) => {
    for (const fill of ['random/narrow', 'max/narrow'] as const) {
      for (const m of around(mr)) {
        for (const n of around(nr)) {
          for (const k of unique(1, 2, 3, 4, 5, 31, 67)) check({ m, n, k, ...types, fill, packed: true, output: 's32' });
        }
      }
      check({ m: mr + 1, n: nr + 1, k: 2100, ...types, fill, za: 'row', zb: 'col', output: 'u8', bias: 'f32', act: 'gelu' });
    }
  });

  test('the kernel for narrow weights takes those of 7 bits, and no others', () => {
    const w = { data: new Random('weights').floats(64 * 20, 3), shape: [64, 20] };
    using reduced = packWeights(quantize(w, { axis: 1, reduceRange: true }));
    using full = packWeights(quantize(w, { axis: 1 }));
    if (runtime.backend === 'reference' || runtime.device === 'cuda') return;
    const kernel = runtime.kernels().find((k) => k.family === 'qgemm' && k.selected);
    const narrow = kernel?.isa === 'avx2' ? 'qgemm_u8s8s32_narrow_6x16c4__avx2' : kernel?.name;
    expect([reduced.kernel, full.kernel]).toEqual([narrow, kernel?.name]);
  });

  test('255 * 127 and 255 * -128, repeated: the true sum (vpmaddubsw would saturate its pairs at 32767)', () => {
    const c = { m: mr, n: nr, k: 64, a: 'u8', b: 's8', za: 0, zb: 0, output: 's32' } as const;
    check({ ...c, fill: 'max/max' });
    check({ ...c, fill: 'max/min' });
  });

  test.each(Array.from({ length: BATCHES }, (_, seed) => seed))(`random > seed %i, ${BATCH_SIZE} cases`, (seed) => {
    const r = new Random(seed);
    for (let i = 0; i < BATCH_SIZE; i++) check(variant(r, randomShape(r), r.pick(TYPES)));
  });

  test.each([1000, 1001, 1002])(`random > asynchronous > seed %i, 60 cases, up to 12 in flight`, async (seed) => {
    const r = new Random(seed);
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 12 }, () => checkAsync(variant(r, randomShape(r), r.pick(TYPES)))));
    }
  });
});
