/** Random variants of a shape: types, zero points, strides, bias, output, within what the API allows together. */
import type { QGemmCase } from './qgemm';
import { CURVES } from './activations';
import type { Random } from './random';

/** Clamps half of the time: they have a path of their own. */
const ACTS = [
  undefined,
  undefined,
  'relu',
  'relu',
  'clamp',
  'clamp',
  'max',
  'leakyRelu',
  'hardswish',
  'hardsigmoid',
  ...CURVES,
] as const;

export type Shape = Pick<QGemmCase, 'm' | 'n' | 'k'>;
export type Types = Pick<QGemmCase, 'a' | 'b'>;

export const STATIC_TYPES: readonly Types[] = [
  { a: 'u8', b: 's8' },
  { a: 'u8', b: 'u8' },
  { a: 's8', b: 's8' },
  { a: 's8', b: 'u8' },
];

export const TYPES: readonly Types[] = [...STATIC_TYPES, { a: 'f32', b: 's8' }, { a: 'f32', b: 'u8' }];

function zeroPoint(r: Random, type: 'u8' | 's8'): number {
  const low = type === 'u8' ? 0 : -128;
  return r.pick([0, low, low + 255, low + 128, r.int(low, low + 255)]);
}

/** Everything about the case that is not its shape or types. `plain`: no strides and no batch. */
export function variant(r: Random, shape: Shape, types: Types, plain = false): QGemmCase {
  const dynamic = types.a === 'f32';
  const output = dynamic ? r.pick(['f32', 'f32', 'u8', 's8'] as const) : r.pick(['f32', 's32', 'u8', 's8'] as const);
  const biases =
    output === 'f32' || dynamic ? ([undefined, 'f32'] as const) : output === 's32' ? ([undefined, 's32'] as const) : undefined;
  const bias = r.pick(biases ?? ([undefined, 'f32', 's32'] as const));
  const act = output === 's32' ? undefined : r.pick(ACTS);
  const residual = output === 's32' || r.chance(0.5) ? undefined : r.pick(['f32', 'u8', 's8', 'array'] as const);
  const batch = plain || r.chance(0.7) ? undefined : r.pick([[2], [3], [2, 2], [1], [2, 1, 3]]);
  const maybe = <T>(probability: number, value: T): T | undefined => (r.chance(probability) ? value : undefined);
  return {
    ...shape,
    ...types,
    output,
    bias,
    act,
    residual,
    batch,
    za: dynamic ? undefined : r.chance(0.3) ? 'row' : zeroPoint(r, types.a as 'u8' | 's8'),
    zb: r.chance(0.4) ? 'col' : zeroPoint(r, types.b),
    per: dynamic ? r.pick([undefined, 'perRow', 'perTensor'] as const) : undefined,
    special: dynamic || residual !== undefined ? maybe(0.4, true) : undefined,
    pow2: maybe(0.5, true),
    padA: plain ? undefined : maybe(0.3, r.int(1, 5)),
    padBatch: batch === undefined ? undefined : maybe(0.4, r.int(1, 9)),
    padB: plain ? undefined : maybe(0.3, r.int(1, 5)),
    padC: plain ? undefined : maybe(0.3, r.int(1, 5)),
    padR: plain || residual === undefined ? undefined : maybe(0.3, r.int(1, 5)),
    transposeB: maybe(0.4, true),
    packed: maybe(0.5, true),
    out: maybe(0.3, true),
    threads: maybe(0.5, r.int(1, 3)),
  };
}

export function randomShape(r: Random): Shape {
  return { m: r.int(1, r.pick([1, 8, 40])), n: r.int(1, r.pick([4, 20, 70])), k: r.int(1, r.pick([8, 40, 130])) };
}
