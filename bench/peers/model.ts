/** ONNX models of one operator, made in memory. */
import { onnx } from 'onnx-proto';
import { DataType, encodeModel, initializer, typeOf, valueInfo, type Values } from './onnx';

export interface Value {
  readonly data: Values;
  readonly shape: readonly number[];
}

/** y = opType(a, ...constants). Weights are constants, so that the runtime prepacks them. */
export interface Node {
  readonly opType: string;
  /** Default: ONNX itself. */
  readonly domain?: string;
  readonly a: Value;
  /** Undefined: an optional input that is absent. */
  readonly constants: readonly (Value | undefined)[];
  readonly y: Value;
  readonly attributes?: Readonly<Record<string, number | readonly number[] | string>>;
}

const info = (name: string, { data, shape }: Value): onnx.IValueInfoProto => valueInfo(name, typeOf(data), shape);

function nodeProto({ opType, domain, constants, attributes }: Node, output: string): onnx.INodeProto {
  const attribute = Object.entries(attributes ?? {}).map(([name, value]) => attributeProto(name, value));
  const input = ['a', ...constants.map((c, i) => (c === undefined ? '' : `c${i}`))];
  return { opType, domain, input, output: [output], attribute };
}

function attributeProto(name: string, value: number | readonly number[] | string): onnx.IAttributeProto {
  const { INT, INTS, STRING } = onnx.AttributeProto.AttributeType;
  if (typeof value === 'number') return { name, type: INT, i: value };
  if (typeof value === 'string') return { name, type: STRING, s: new TextEncoder().encode(value) };
  return { name, type: INTS, ints: [...value] };
}

function initializersOf({ constants }: Node): onnx.ITensorProto[] {
  return constants.flatMap((constant, i) =>
    constant === undefined ? [] : [initializer(`c${i}`, constant.shape, constant.data)],
  );
}

function domainsOf(node: Node | undefined): string[] {
  return node?.domain === undefined ? [] : [node.domain];
}

/** Input `a`, output `y`. */
export function singleModel(node: Node): Uint8Array {
  return encodeModel(
    {
      name: 'single',
      node: [nodeProto(node, 'y')],
      initializer: initializersOf(node),
      input: [info('a', node.a)],
      output: [info('y', node.y)],
    },
    domainsOf(node),
  );
}

/**
 * Inputs `a`, `trips` (int64) and `y0` (shape and type of y), output `y`: the operator in the body of a Loop. Its inputs don't
 * depend on the iteration, and nothing hoists it: each of the trips computes it once, from weights packed once. `node` undefined:
 * an empty body, which shows what an iteration costs by itself.
 */
export function loopModel(node: Node | undefined, y: Value): Uint8Array {
  const bool = valueInfo('more', DataType.BOOL, []);
  const body: onnx.IGraphProto = {
    name: 'body',
    node: [
      { opType: 'Identity', input: ['more'], output: ['more_after'] },
      node === undefined ? { opType: 'Identity', input: ['y_before'], output: ['y_after'] } : nodeProto(node, 'y_after'),
    ],
    initializer: node === undefined ? [] : initializersOf(node),
    input: [valueInfo('trip', DataType.INT64, []), bool, info('y_before', y)],
    output: [{ ...bool, name: 'more_after' }, info('y_after', y)],
  };
  const attribute = [{ name: 'body', type: onnx.AttributeProto.AttributeType.GRAPH, g: body }];
  return encodeModel(
    {
      name: 'loop',
      node: [{ opType: 'Loop', input: ['trips', '', 'y0'], output: ['y'], attribute }],
      input: [valueInfo('trips', DataType.INT64, []), info('y0', y), ...(node === undefined ? [] : [info('a', node.a)])],
      output: [info('y', y)],
    },
    domainsOf(node),
  );
}
