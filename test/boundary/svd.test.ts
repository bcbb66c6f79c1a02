/** truncatedSvd: what it refuses, with which words; cancelling; and the binding without TypeScript in front. */
import '../helpers/ownBinary';
import { runtime, truncatedSvd, truncatedSvdAsync, type LowpErrorCode, type TruncatedSvdOptions } from 'lowp';
import { Svd, SvdCriterion, SvdReport } from '../../lib/native/slots';
import { detach } from '../helpers/buffers';
import { expectRejects, expectThrows, wrong, type Fragment } from '../helpers/failures';
import { binding, expectFailure } from '../helpers/native';
import { makeControl } from '../../lib/native/control';
import { Random } from '../helpers/random';

const a = () => ({ data: Float32Array.from({ length: 12 }, (_, i) => i), shape: [3, 4] });

type Row = [title: string, value: unknown, code: LowpErrorCode, ...words: Fragment[]];

const MATRICES: Row[] = [
  ['null', null, 'ERR_LOWP_TYPE', ' a ', 'null'],
  ['float64', { data: new Float64Array(12), shape: [3, 4] }, 'ERR_LOWP_TYPE', 'a.data', 'Float32Array', 'Float64Array(12)'],
  [
    'three dimensions',
    { data: new Float32Array(12), shape: [3, 2, 2] },
    'ERR_LOWP_SHAPE',
    'a.shape',
    'two dimensions',
    '[3, 2, 2]',
  ],
  ['no rows', { data: new Float32Array(12), shape: [0, 4] }, 'ERR_LOWP_SHAPE', 'a.shape', 'one row', '[0, 4]'],
  ['no columns', { data: new Float32Array(12), shape: [3, 0] }, 'ERR_LOWP_SHAPE', 'a.shape', '[3, 0]'],
  ['too short', { data: new Float32Array(11), shape: [3, 4] }, 'ERR_LOWP_SHAPE', ' a ', 12, 'Float32Array(11)'],
  ['stride below the row', { ...a(), strides: [3, 1] }, 'ERR_LOWP_VALUE', 'a.strides[0]', 4, 3],
  ['NaN', { data: Float32Array.of(1, NaN), shape: [1, 2] }, 'ERR_LOWP_VALUE', 'finite', ' a ', 'NaN'],
  ['infinity', { data: Float32Array.of(1, -Infinity), shape: [2, 1] }, 'ERR_LOWP_VALUE', 'finite'],
  ['beyond float32', { data: new Float32Array(12).fill(3e38), shape: [3, 4] }, 'ERR_LOWP_VALUE', 'singular values', '3.4e38'],
];

const OPTIONS: Row[] = [
  ['none', undefined, 'ERR_LOWP_TYPE', 'options', 'undefined'],
  ['null', null, 'ERR_LOWP_TYPE', 'options', 'null'],
  ['no criterion', {}, 'ERR_LOWP_VALUE', 'rank, energy, maxError, parameterBudget', 'none'],
  ['two criteria', { rank: 1, energy: 0.5 }, 'ERR_LOWP_VALUE', 'rank and energy'],
  ['rnak', { rnak: 1 }, 'ERR_LOWP_TYPE', "did you mean 'rank'"],
  ['out', { rank: 1, out: a().data }, 'ERR_LOWP_TYPE', "'out'"],
  ['rank of text', { rank: '1' }, 'ERR_LOWP_TYPE', 'options.rank', "'1'"],
  ['rank 0', { rank: 0 }, 'ERR_LOWP_VALUE', 'options.rank', 'from 1 to 3', 0],
  ['rank 4', { rank: 4 }, 'ERR_LOWP_VALUE', 'options.rank', 3, 4],
  ['rank 1.5', { rank: 1.5 }, 'ERR_LOWP_VALUE', 'options.rank', 1.5],
  ['energy 0', { energy: 0 }, 'ERR_LOWP_VALUE', 'options.energy', 'above 0', 0],
  ['energy 1.1', { energy: 1.1 }, 'ERR_LOWP_VALUE', 'options.energy', 1.1],
  ['energy NaN', { energy: NaN }, 'ERR_LOWP_VALUE', 'options.energy', 'NaN'],
  ['maxError -1', { maxError: -1 }, 'ERR_LOWP_VALUE', 'options.maxError', 'from 0 to 1', '-1'],
  ['parameterBudget 6', { parameterBudget: 6 }, 'ERR_LOWP_VALUE', 'options.parameterBudget', 'at least 7', 6],
  ['mode', { rank: 1, mode: 'quick' }, 'ERR_LOWP_TYPE', 'options.mode', "'fast'", "'quick'"],
  ['oversample -1', { rank: 1, oversample: -1 }, 'ERR_LOWP_VALUE', 'options.oversample', '-1'],
  ['powerIterations 0.5', { rank: 1, powerIterations: 0.5 }, 'ERR_LOWP_VALUE', 'options.powerIterations', 0.5],
  ['seed of text', { rank: 1, seed: 'x' }, 'ERR_LOWP_TYPE', 'options.seed', "'x'"],
  ['seed 2^53', { rank: 1, seed: 2 ** 53 }, 'ERR_LOWP_VALUE', 'options.seed', 9007199254740991],
  ['measureResidual 1', { rank: 1, measureResidual: 1 }, 'ERR_LOWP_TYPE', 'options.measureResidual', 'boolean', 1],
  ['threads 0', { rank: 1, threads: 0 }, 'ERR_LOWP_VALUE', 'options.threads', 0],
];

test.each(MATRICES)('a > %s', async (_, value, code, ...words) => {
  expectThrows(() => truncatedSvd(wrong(value), { rank: 1 }), code, words);
  await expectRejects(() => truncatedSvdAsync(wrong(value), { rank: 1 }), code, words);
});

test.each(OPTIONS)('options > %s', async (_, value, code, ...words) => {
  expectThrows(() => truncatedSvd(a(), wrong<TruncatedSvdOptions>(value)), code, words);
  await expectRejects(() => truncatedSvdAsync(a(), wrong<TruncatedSvdOptions>(value)), code, words);
});

test('a signal is for the asynchronous form; a detached matrix', async () => {
  const signal = AbortSignal.abort();
  expectThrows(() => truncatedSvd(a(), wrong({ rank: 1, signal })), 'ERR_LOWP_TYPE', ["'signal'"]);
  await expectRejects(() => truncatedSvdAsync(a(), wrong({ rank: 1, signal: 1 })), 'ERR_LOWP_TYPE', ['options.signal']);
  const gone = a();
  detach(gone.data);
  expectThrows(() => truncatedSvd(gone, { rank: 1 }), 'ERR_LOWP_DETACHED', [' a ']);
});

test('aborted: before the call, and while it runs', async () => {
  const reason = { any: 'value' };
  await expect(truncatedSvdAsync(a(), { rank: 1, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const large = { data: new Random('abort').floats(1200 * 1000), shape: [1200, 1000] };
  const controller = new AbortController();
  const running = truncatedSvdAsync(large, { rank: 900, signal: controller.signal });
  setTimeout(() => controller.abort(reason), 30);
  await expect(running).rejects.toBe(reason);
  expect(runtime.memory().asyncPending).toBe(0);
});

describe('the binding', () => {
  const native = binding();
  const control = (slots: Partial<Record<Svd, number>>): Uint8Array => {
    const { slots: to, bytes } = makeControl(Svd.length);
    const good = { [Svd.m]: 3, [Svd.n]: 4, [Svd.lda]: 4, [Svd.rank]: 2, [Svd.oversample]: -1, [Svd.powerIterations]: -1 };
    for (const [slot, value] of Object.entries({ ...good, ...slots })) to[Number(slot)] = value;
    return bytes;
  };
  const report = 2 * SvdReport.length;
  const length = report + 2 * 8;

  test('good ones', () => {
    native.svd(control({}), a().data, new Float32Array(length));
    native.svd(control({ [Svd.criterion]: SvdCriterion.energy, [Svd.target]: 1 }), a().data, new Float32Array(report + 3 * 8));
  });

  test.each<[string, string, () => unknown]>([
    ['no rows', 'SHAPE', () => native.svd(control({ [Svd.m]: 0 }), a().data, new Float32Array(length))],
    ['rows of 2^40', 'SHAPE', () => native.svd(control({ [Svd.m]: 2 ** 40 }), a().data, new Float32Array(length))],
    ['stride 3', 'SHAPE', () => native.svd(control({ [Svd.lda]: 3 }), a().data, new Float32Array(length))],
    ['a short', 'SHAPE', () => native.svd(control({ [Svd.lda]: 5 }), a().data, new Float32Array(length))],
    ['out short', 'SHAPE', () => native.svd(control({}), a().data, new Float32Array(length - 1))],
    [
      'out short where the rank is not known',
      'SHAPE',
      () => native.svd(control({ [Svd.criterion]: SvdCriterion.maxError }), a().data, new Float32Array(report + 3 * 8 - 1)),
    ],
    ['a of bytes', 'TYPE', () => native.svd(control({}), wrong(new Uint8Array(48)), new Float32Array(length))],
    ['rank 0', 'VALUE', () => native.svd(control({ [Svd.rank]: 0 }), a().data, new Float32Array(length))],
    ['rank 4', 'VALUE', () => native.svd(control({ [Svd.rank]: 4 }), a().data, new Float32Array(99))],
    ['criterion 3', 'VALUE', () => native.svd(control({ [Svd.criterion]: 3 }), a().data, new Float32Array(length))],
    ['target 2', 'VALUE', () => native.svd(control({ [Svd.target]: 2 }), a().data, new Float32Array(length))],
    ['target NaN', 'VALUE', () => native.svd(control({ [Svd.target]: NaN }), a().data, new Float32Array(length))],
    ['seed -1', 'VALUE', () => native.svd(control({ [Svd.seed]: -1 }), a().data, new Float32Array(length))],
    [
      'out over a',
      'ALIAS',
      () => {
        const data = new Float32Array(12 + length);
        native.svd(control({}), data, data.subarray(11));
      },
    ],
  ])('%s: %s', (_, code, call) => {
    expectFailure(call, code);
  });
});
