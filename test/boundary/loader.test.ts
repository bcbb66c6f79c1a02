/** Finding the binary and reading the environment: each setting in a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtime } from 'lowp';
import { BINDING_VERSION, MAX_THREADS } from '../../lib/native/slots';
import { ROOT, runChild } from '../helpers/child';
import { expectError } from '../helpers/failures';

interface Report {
  readonly imported: boolean;
  readonly warnings: string[];
  readonly backend?: string;
  readonly isa?: string;
  readonly threads?: number;
  readonly sums?: number[];
  readonly error?: { readonly name: string; readonly code?: string; readonly message: string };
  /** The same again: a failure is not remembered as something else. */
  readonly again?: { readonly name: string; readonly code?: string; readonly message: string };
}

async function load(env: Record<string, string>): Promise<Report> {
  const child = await runChild('test/boundary/fixtures/loader.ts', { env });
  expect({ code: child.code, signal: child.signal }).toEqual({ code: 0, signal: null });
  return JSON.parse(child.stdout) as Report;
}

/** What the first call throws under these settings, in a copy of the library of its own. Only for settings that it refuses. */
function refusal(env: Record<string, string>): unknown {
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    let thrown: unknown;
    jest.isolateModules(() => {
      const copy = jest.requireActual<typeof import('lowp')>('lowp');
      try {
        copy.quantize({ data: new Float32Array(1), shape: [1] });
      } catch (error) {
        thrown = error;
      }
    });
    return thrown;
  } finally {
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowp-'));
  writeFileSync(join(folder, 'garbage.node'), 'this is not a shared library');
});
afterAll(() => rmSync(folder, { recursive: true }));

const ADVICE = [/npm run build/, /LOWP_BACKEND=reference/];

describe('LOWP_BINARY', () => {
  test('a file that is not there: what was tried and what to do', async () => {
    const path = join(folder, 'missing.node');
    const { imported, error, again } = await load({ LOWP_BINARY: path });
    expect(imported).toBe(true);
    expect(error).toMatchObject({ name: 'Error', code: 'ERR_LOWP_UNSUPPORTED' });
    expect(error?.message).toContain(path);
    expect(error?.message).toContain('LOWP_BINARY');
    for (const advice of ADVICE) expect(error?.message).toMatch(advice);
    expect(again).toEqual(error);
  });

  test('garbage', async () => {
    const { error } = await load({ LOWP_BINARY: join(folder, 'garbage.node') });
    expect(error).toMatchObject({ name: 'Error', code: 'ERR_LOWP_UNSUPPORTED' });
    for (const advice of [/garbage\.node/, ...ADVICE]) expect(error?.message).toMatch(advice);
  });

  test.each([[{ version: 999 }], [{}], [undefined], [7]])('a module that is not this binding: %j', (module) => {
    jest.doMock('bindings', () => () => module);
    try {
      expectError(refusal({}), 'ERR_LOWP_UNSUPPORTED', [`version ${BINDING_VERSION} `, 'Rebuild']);
    } finally {
      jest.dontMock('bindings');
    }
  });

  test('a relative path', async () => {
    const { error } = await load({ LOWP_BINARY: 'nowhere/lowp.node' });
    expect(error?.message).toContain(join(ROOT, 'nowhere', 'lowp.node'));
  });
});

describe('LOWP_ISA', () => {
  const usable = runtime.isas().filter(({ built, supported }) => built && supported);
  test.each(usable)('$name', async ({ name }) => {
    expect(await load({ LOWP_ISA: name })).toMatchObject({ isa: name, backend: 'native', sums: [8, 2, 26, 2], warnings: [] });
  });
  test.each(['', 'auto'])("'%s' is detection", async (name) => {
    expect(await load({ LOWP_ISA: name })).toMatchObject({ isa: usable[0].name });
  });
  test('unknown', () => {
    expectError(refusal({ LOWP_ISA: 'avx22' }), 'ERR_LOWP_VALUE', ['LOWP_ISA', "'avx22'", 'scalar', 'did you mean']);
  });
  test('known, but not of this machine or build', () => {
    const other = runtime.isas().find(({ built, supported }) => !(built && supported))?.name ?? '';
    if (other !== '') expectError(refusal({ LOWP_ISA: other }), 'ERR_LOWP_UNSUPPORTED', ['LOWP_ISA', `'${other}'`, 'scalar']);
  });
});

describe('LOWP_THREADS', () => {
  test.each(['1', '3', String(MAX_THREADS)])('%s', async (threads) => {
    expect(await load({ LOWP_THREADS: threads })).toMatchObject({ threads: Number(threads), sums: [8, 2, 26, 2] });
  });
  test.each(['0', '-1', '1.5', String(MAX_THREADS + 1), 'two', 'NaN', 'Infinity', ' '])('%s', (threads) => {
    expectError(refusal({ LOWP_THREADS: threads }), 'ERR_LOWP_VALUE', [`1 to ${MAX_THREADS}`, 'LOWP_THREADS', `'${threads}'`]);
  });
});

describe('LOWP_BACKEND', () => {
  test('reference: one warning, the same results, no binary needed', async () => {
    const report = await load({ LOWP_BACKEND: 'reference', LOWP_BINARY: join(folder, 'missing.node') });
    expect(report).toMatchObject({ backend: 'reference', isa: 'reference', threads: 1, sums: [8, 2, 26, 2] });
    expect(report.error).toBeUndefined();
    expect(report.warnings).toHaveLength(1);
    expect(report.warnings[0]).toMatch(/LowpWarning: LOWP_BACKEND=reference/);
    const native = await load({});
    expect(native).toMatchObject({ backend: 'native', warnings: [] });
    expect({ ...report, ...{ backend: 0, isa: 0, threads: 0, warnings: 0 } }).toEqual({
      ...native,
      ...{ backend: 0, isa: 0, threads: 0, warnings: 0 },
    });
  });
  test('reference with an ISA: a setting that could not be honoured', () => {
    expectError(refusal({ LOWP_BACKEND: 'reference', LOWP_ISA: 'avx2' }), 'ERR_LOWP_UNSUPPORTED', ['LOWP_ISA', "'avx2'"]);
  });
  test.each(['referense', 'cuda', 'NATIVE', '1'])('%s', (backend) => {
    expectError(refusal({ LOWP_BACKEND: backend }), 'ERR_LOWP_VALUE', ['native, reference', 'LOWP_BACKEND', `'${backend}'`]);
  });
  test('native', async () => expect(await load({ LOWP_BACKEND: 'native' })).toMatchObject({ backend: 'native' }));
});
