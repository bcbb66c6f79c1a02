/** Built and supported are two questions. LOWP_REQUIRE_ISAS (comma separated) lists what a machine has to exercise, not skip. */
import { packEmbeddings, packWeights, runtime } from 'lowp';
import { kernelOf, resetIsa, usableIsas } from '../helpers/isas';

const required = (process.env.LOWP_REQUIRE_ISAS ?? '').split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
const isas = usableIsas();

afterEach(resetIsa);

test(`LOWP_REQUIRE_ISAS [${required.join(', ')}] are built and supported here`, () => {
  expect(required.filter((name) => !isas.includes(name))).toEqual([]);
});

test('names are unique and each kernel belongs to one of them', () => {
  const names = runtime.isas().map((isa) => isa.name);
  expect(new Set(names).size).toBe(names.length);
  const kernels = runtime.kernels().map((kernel) => kernel.name);
  expect(new Set(kernels).size).toBe(kernels.length);
  for (const kernel of runtime.kernels()) {
    expect(names).toContain(kernel.isa);
    expect(kernel.name.endsWith(`__${kernel.isa}`)).toBe(true);
    expect(kernel.name.startsWith(kernel.family)).toBe(true);
  }
});

test.each(isas)('%s can be chosen; one kernel of each family is selected, and weights are packed for it', (isa) => {
  runtime.isa = isa;
  expect(runtime.isa).toBe(isa);
  if (runtime.backend === 'reference') return;
  const selected = runtime.kernels().filter((kernel) => kernel.selected);
  expect(selected.map((kernel) => kernel.family).sort()).toEqual([...new Set(runtime.kernels().map((k) => k.family))].sort());
  for (const kernel of selected) expect(kernel.supported).toBe(true);

  using q = packWeights({ data: Int8Array.of(127, 127), shape: [2, 1], scale: 1, zeroPoint: 0 }); // of 8 bits
  using g = packWeights({ ...{ data: new Uint8Array(16), bits: 4, groupSize: 32, shape: [1, 2] }, scales: Float32Array.of(1) });
  using f = packWeights({ data: Float32Array.of(1, 2), shape: [2, 1] });
  using e = packEmbeddings({ dtype: 'binary', data: Uint8Array.of(1, 2), shape: [2, 8] });
  const byFamily = new Map(selected.map((kernel) => [kernel.family, kernel]));
  expect([q.kernel, q.isa]).toEqual([byFamily.get('qgemm')?.name, byFamily.get('qgemm')?.isa]);
  expect([g.kernel, g.isa]).toEqual([byFamily.get('nbits')?.name, byFamily.get('nbits')?.isa]);
  expect([f.kernel, f.isa]).toEqual([byFamily.get('sgemm')?.name, byFamily.get('sgemm')?.isa]);
  expect([e.kernel, e.isa]).toEqual([byFamily.get('search')?.name, byFamily.get('search')?.isa]);
});

test('the best supported instruction set is the default, and its own kernels are chosen where a family has them', () => {
  if (runtime.backend === 'reference') return;
  runtime.isa = 'auto';
  expect(runtime.isa).toBe(isas[0]);
  for (const { family, isa } of runtime.kernels().filter((kernel) => kernel.supported)) {
    expect(kernelOf(family, isa)?.isa).toBe(isa);
  }
});

test('what is not supported is refused, never replaced', () => {
  if (runtime.backend === 'reference') return;
  const before = runtime.isa;
  for (const { name, built, supported } of runtime.isas()) {
    if (built && supported) continue;
    const code = 'ERR_LOWP_UNSUPPORTED';
    expect(() => (runtime.isa = name)).toThrow(expect.objectContaining({ code }));
  }
  expect(() => (runtime.isa = 'avx3')).toThrow(expect.objectContaining({ code: 'ERR_LOWP_VALUE' }));
  expect(runtime.isa).toBe(before);
});
