/** The macro-kernel of the 8-bit product: depths around a block, more rows than a block, threads, strides, one row as a vector. */
import { quantizedMatmul, type QuantizedTensor } from 'lowp';
import * as reference from 'lowp/reference';
import { expectSame } from '../helpers/compare';
import { tileOf, usableIsas, useIsa } from '../helpers/isas';
import { check, checkAsync, type QGemmCase } from '../helpers/qgemm';
import { STATIC_TYPES, TYPES, variant } from '../helpers/qgemmCases';
import { Random } from '../helpers/random';

// Above 2^20 multiply-adds work is shared by threads: by rows, by columns, both, and by batch.
const LARGE: readonly QGemmCase[] = [
  { m: 401, n: 33, k: 100, a: 'u8', b: 's8', output: 'f32', zb: 'col', bias: 'f32', act: 'relu' },
  { m: 3, n: 517, k: 700, a: 's8', b: 'u8', output: 's32', za: 'row', zb: 7 },
  { m: 97, n: 65, k: 171, a: 'u8', b: 'u8', output: 'u8', zb: 3, bias: 's32', padA: 3, padC: 2, transposeB: true },
  { m: 260, n: 17, k: 1100, a: 's8', b: 's8', output: 's8', zb: 'col', za: -5 },
  { m: 19, n: 35, k: 321, batch: [2, 3], a: 'u8', b: 's8', output: 's32', za: 'row', zb: -3, padBatch: 11, padA: 1 },
  { m: 130, n: 64, k: 128, a: 'f32', b: 's8', output: 'f32', per: 'perTensor', zb: 'col' },
  {
    m: 61,
    n: 40,
    k: 150,
    batch: [3],
    a: 'f32',
    b: 'u8',
    output: 'u8',
    bias: 'f32',
    act: 'clamp',
    padA: 2,
    padBatch: 5,
    special: true,
  },
  { m: 1, n: 1100, k: 1000, a: 'u8', b: 's8', output: 'f32', za: 0, residual: 'f32' },
  { m: 97, n: 70, k: 260, batch: [2], a: 's8', b: 's8', output: 's8', residual: 'u8', padR: 3, act: 'relu', bias: 's32' },
  { m: 65, n: 130, k: 140, a: 'f32', b: 's8', output: 'f32', residual: 'array', act: 'gelu', padC: 2 },
];

describe.each(usableIsas())('qgemm blocks > %s', (isa) => {
  const { mr, nr } = tileOf('qgemm', isa);
  useIsa(isa);

  test.each([511, 512, 513, 1023, 1024, 1025, 1537, 2049])('K%i around the block of depth', (k) => {
    for (const types of STATIC_TYPES) {
      for (const m of [1, mr + 1]) {
        check({ m, n: nr + 1, k, ...types, output: 's32', zb: 'col' });
        check(variant(new Random(`deep ${m} ${k}`), { m, n: 3, k }, types));
      }
    }
    check({ m: 2, n: nr, k, a: 'f32', b: 's8', output: 'f32' });
  });

  test.each([119, 120, 121, 239, 240, 241, 385, 2 * 384 + 1])('M%i around the block of rows', (m) => {
    for (const types of TYPES) check(variant(new Random(`tall ${m}`), { m, n: nr + 1, k: 9 }, types));
    check({ m, n: 2, k: 515, a: 'u8', b: 's8', za: 'row', zb: 1, output: 's32' });
  });

  test.each(LARGE)('threads 1, 2, 3 and 5, packed or not > M$m N$n K$k $a x $b -> $output', async (c) => {
    for (const threads of [1, 2, 3, 5]) {
      check({ ...c, threads });
      check({ ...c, threads, packed: true });
      await checkAsync({ ...c, threads, packed: threads % 2 === 1 });
    }
  });

  test('asynchronous calls overlap synchronous ones', async () => {
    const pending = LARGE.map((c) => checkAsync({ ...c, threads: 2 }));
    for (const c of LARGE) check({ ...c, threads: 2 });
    await Promise.all(pending);
  });

  test('each stride alone and all together: lda, batch, ldb, ldc, the gaps of out untouched', () => {
    const pads = [{ padA: 3 }, { padBatch: 7 }, { padB: 3 }, { padB: 3, transposeB: true }, { padC: 3 }];
    const all = { padA: 1, padBatch: 3, padB: 2, padC: 5 };
    for (const types of TYPES) {
      for (const pad of [...pads, all, { ...all, transposeB: true }]) {
        for (const output of ['f32', 'u8', 's8'] as const) {
          for (const m of [1, mr + 1]) check({ m, n: nr + 1, k: 21, batch: [2, 2], ...types, ...pad, output, zb: 'col' });
        }
      }
    }
  });

  test('nothing to do: M0, N0, batch0; K0 gives the bias', () => {
    const c = { m: 3, n: 5, k: 7, a: 'u8', b: 's8', output: 'u8', out: true } as const;
    for (const empty of [{ m: 0 }, { n: 0 }, { k: 0 }, { batch: [0] }, { m: 0, k: 0 }, { batch: [2, 0] }]) {
      for (const bias of [undefined, 's32', 'f32'] as const) check({ ...c, ...empty, bias });
    }
    check({ ...c, k: 0, a: 'f32', output: 'f32', bias: 'f32' });
    check({ ...c, k: 0, output: 's32', bias: 's32', za: 'row', zb: 'col' });
  });

  test('a [K] gives [N]', () => {
    const r = new Random(isa);
    const b: QuantizedTensor = {
      data: r.fill(new Int8Array(35 * 20), () => r.int(-128, 127)),
      shape: [35, 20],
      scale: 0.5,
      zeroPoint: 3,
    };
    const a: QuantizedTensor = { data: r.fill(new Uint8Array(35), () => r.int(0, 255)), shape: [35], scale: 0.25, zeroPoint: 9 };
    const got = quantizedMatmul(a, b);
    const want = reference.quantizedMatmul(a, b);
    expect(got.shape).toEqual([20]);
    expectSame(got.data, want.data, 'M1');
  });
});

test('a tensor without elements may carry any strides > M2 N2 K0 strides 0,1', () => {
  const a = { data: new Uint8Array(0), shape: [2, 0], strides: [0, 1], scale: 1, zeroPoint: 0 };
  const b = { data: new Int8Array(0), shape: [0, 2], scale: 1, zeroPoint: 0 };
  expect(Array.from(quantizedMatmul(a, b, { bias: Float32Array.of(1, 2) }).data)).toEqual([1, 2, 1, 2]);
});
