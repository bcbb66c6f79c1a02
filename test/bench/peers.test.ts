/** The bench's peers: every operator computes what its check expects, and what isn't installed is named. */
import { saturates } from '../../bench/peers/onnx';
import { outcome, runChild, SUCCESS } from '../helpers/child';
import type { PeersReport } from './fixtures/peers';

/** Builds the program of native peers where it isn't there yet. */
const LONG = 180_000;

/** Awaited, and the kernel alone. */
const both = (mode: string, operator: string): string[] => [`${mode} ${operator}`, `${mode} ${operator} kernel`];
const usual = (operator: string): string[] => both('ORT', operator);
const EXACT = ['MatMulInteger u8s8', 'QLinearMatMul u8s8', 'DynamicQuantizeMatMul'].flatMap((name) => both('ORT exact', name));

let report: PeersReport;

beforeAll(async () => {
  const result = await runChild('test/bench/fixtures/peers.ts', { timeout: LONG });
  expect(outcome(result)).toEqual(SUCCESS);
  report = JSON.parse(result.stdout) as PeersReport;
}, LONG);

test('peers > each native library is measured, or named with the package to install', () => {
  for (const [name, install] of [
    ['oneDNN', 'libdnnl-dev'],
    ['OpenBLAS', 'libopenblas-dev'],
    ['Eigen', 'libeigen3-dev'],
    ['libxsmm', 'libxsmm-dev'],
  ]) {
    const found = report.peers.some((peer) => peer.name === name);
    const named = report.missing.filter((text) => text.startsWith(`${name} (`) && text.includes(`apt-get install`));
    expect({ name, times: Number(found) + named.length }).toEqual({ name, times: 1 });
    if (!found) expect(named[0]).toContain(install);
  }
});

test('peers > onnxruntime: each operator awaited and its kernel alone, exact on 7-bit weights', () => {
  const ours = report.products.filter(({ library }) => library.startsWith('ORT'));
  const operators = [
    'MatMulInteger u8s8',
    'MatMulInteger s8s8',
    'QLinearMatMul u8s8',
    'QLinearMatMul s8s8',
    'DynamicQuantizeMatMul',
  ];
  const exact = saturates() ? EXACT : [];
  const names = [operators.map(usual), exact, [usual('MatMul f32')]].flat(2);
  expect(ours.map(({ name }) => name)).toEqual([...names, ...names]);
  expect(ours.filter(({ problem }) => problem !== undefined)).toEqual([]);
  const kernels = ours.filter(({ library }) => library.endsWith('kernel'));
  expect(kernels.filter(({ seconds }) => !(seconds > 0))).toEqual([]);
});

test('peers > onnxruntime: its exact mode is exact on 8-bit weights', () => {
  const names = saturates() ? [...EXACT, ...EXACT] : [];
  expect(report.exact.map(({ name }) => name)).toEqual(names);
  expect(report.exact.filter(({ problem }) => problem !== undefined)).toEqual([]);
});

// Their own data has all 8 bits, so with more depth than 1 a CPU without VNNI may saturate: the note of the bench, not a failure.
test('peers > native: each operator of each library is timed, and right where no sum can saturate', () => {
  const native = report.products.filter(({ library }) => !library.startsWith('ORT'));
  const dense = report.peers.filter(({ name, libraries }) => name !== 'onnxruntime-node' && libraries.length > 0);
  const libraries = dense.map(({ name }) => name);
  expect([...new Set(native.map(({ library }) => library))].sort()).toEqual(libraries.sort());
  expect(native.filter(({ seconds }) => !(seconds > 0))).toEqual([]);
  expect(native.filter(({ name, k, problem }) => (k === 1 || name.endsWith('f32')) && problem !== undefined)).toEqual([]);
});

test('peers > convolutions: onnxruntime right on 7-bit weights, native libraries where no sum can saturate', () => {
  const ours = report.convolutions.filter(({ library }) => library.startsWith('ORT'));
  const exact = saturates() ? both('ORT exact', 'QLinearConv u8s8') : [];
  const names = [...usual('QLinearConv u8s8'), ...usual('FusedConv f32'), ...exact];
  expect(ours.map(({ name }) => name)).toEqual([1, 2, 3, 4].flatMap(() => names));
  expect(ours.filter(({ problem }) => problem !== undefined)).toEqual([]);
  const native = report.convolutions.filter(({ library }) => !library.startsWith('ORT'));
  const oneDnn = report.peers.some(({ name }) => name === 'oneDNN') ? ['oneDNN conv u8s8 -> u8', 'oneDNN conv f32'] : [];
  expect(native.map(({ name }) => name)).toEqual([1, 2, 3, 4].flatMap(() => oneDnn));
  const timed = report.convolutions.filter(({ library }) => library !== 'ORT' && library !== 'ORT exact');
  expect(timed.filter(({ seconds }) => !(seconds > 0))).toEqual([]);
  expect(native.filter(({ name, exact, problem }) => (exact || name.endsWith('f32')) && problem !== undefined)).toEqual([]);
});

test('peers > sparse: the libraries that have such a product and those with a dense one, for a matrix and a vector', () => {
  const names = report.peers.filter(({ sparse }) => sparse).map(({ name }) => name);
  expect(names).not.toContain('onnxruntime-node');
  expect(report.peers.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  for (const n of [1, 7]) {
    const libraries = report.sparse.filter((product) => product.n === n).map(({ library }) => library);
    expect([...new Set(libraries)].sort()).toEqual([...names].sort());
  }
  expect(report.sparse.filter(({ seconds, problem }) => !(seconds > 0) || problem !== undefined)).toEqual([]);
});
