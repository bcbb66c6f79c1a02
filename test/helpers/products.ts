/** Both matrix products, in both forms, behind one type: for tables of calls that they must refuse alike. */
import { matmul, matmulAsync, quantizedMatmul, quantizedMatmulAsync, type LowpErrorCode } from 'lowp';
import { expectRejects, expectThrows, wrong, type Fragment } from './failures';
import { fa, fb, qa, qb } from './problems';

/** A function of two operands and options, in both forms. */
export interface Subject {
  readonly name: string;
  readonly a: () => object;
  readonly b: () => object;
  readonly sync: (a: unknown, b: unknown, options?: unknown) => unknown;
  readonly async: (a: unknown, b: unknown, options?: unknown) => Promise<unknown>;
}

export interface Product extends Subject {
  /** [2, 3] */
  readonly a: () => object & { readonly data: ArrayBufferView };
  /** [3, 2] */
  readonly b: () => object & { readonly data: ArrayBufferView };
}

export const quantizedProduct: Product = {
  name: 'quantizedMatmul',
  a: qa,
  b: qb,
  sync: (a, b, options) => quantizedMatmul(wrong(a), wrong(b), wrong(options)),
  async: (a, b, options) => quantizedMatmulAsync(wrong(a), wrong(b), wrong(options)),
};

export const floatProduct: Product = {
  name: 'matmul',
  a: fa,
  b: fb,
  sync: (a, b, options) => matmul(wrong(a), wrong(b), wrong(options)),
  async: (a, b, options) => matmulAsync(wrong(a), wrong(b), wrong(options)),
};

export const products: readonly Product[] = [quantizedProduct, floatProduct];

/** A call that differs from a good one in what is given here. Objects are laid over the good a, b or options; else they replace. */
export interface BadCall {
  readonly title: string;
  readonly code: LowpErrorCode;
  readonly words?: readonly Fragment[];
  readonly a?: unknown;
  readonly b?: unknown;
  readonly options?: unknown;
}

function lay(over: unknown, base: object): unknown {
  return typeof over === 'object' && over !== null && Object.getPrototypeOf(over) === Object.prototype
    ? { ...base, ...over }
    : over;
}

/** Two tests for each case: the call throws (or rejects, and does not throw), and leaves `out` as it was. */
export function refuses(product: Subject, cases: readonly BadCall[]): void {
  const prepare = (bad: BadCall): { args: [unknown, unknown, unknown]; untouched: () => void } => {
    const out = new Float32Array(8).fill(7);
    const args: [unknown, unknown, unknown] = [
      'a' in bad ? lay(bad.a, product.a()) : product.a(),
      'b' in bad ? lay(bad.b, product.b()) : product.b(),
      'options' in bad ? lay(bad.options, { out }) : { out },
    ];
    return { args, untouched: () => expect([...out]).toEqual(new Array(8).fill(7)) };
  };

  test.each(cases)(`${product.name} > $title > $code`, (bad) => {
    const { args, untouched } = prepare(bad);
    expectThrows(() => product.sync(...args), bad.code, bad.words);
    untouched();
  });

  test.each(cases)(`${product.name}Async > $title > $code`, async (bad) => {
    const { args, untouched } = prepare(bad);
    await expectRejects(() => product.async(...args), bad.code, bad.words);
    untouched();
  });
}
