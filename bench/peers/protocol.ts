/** The answers of the program in native/, a line of JSON each. native/main.cc lists requests and answers. */
import type { PeakKind } from '../machine';
import type { Operands } from '../problem';

export type NativeKind = PeakKind | 'sparse';

export interface NativeOperator {
  readonly name: string;
  readonly operands: Operands;
}

/** A matrix product. */
export interface NativeProduct extends NativeOperator {
  readonly kind: NativeKind;
}

export interface NativeLibrary {
  readonly name: string;
  readonly version: string;
  readonly operators: readonly NativeProduct[];
  readonly convolutions: readonly NativeOperator[];
}

export interface OpenAnswer {
  readonly describe: string;
  /** Empty if the result of the first call is right. */
  readonly problem: string;
}

export interface RunAnswer {
  readonly seconds: number;
  /** Of the process, so far. */
  readonly cpuSeconds: number;
}

const KINDS: readonly string[] = ['int8', 'float32', 'sparse'] satisfies NativeKind[];
const OPERANDS: readonly string[] = ['u8s8', 's8s8', 'dynamic', 'f32', 'csr'] satisfies Operands[];

type Fields = Readonly<Record<string, unknown>>;

/** The object in a line; an answer that is an error is thrown. */
function fieldsOf(line: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw unexpected('a line of JSON', line);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpected('an object', line);
  const fields = value as Fields;
  if (typeof fields.error === 'string') throw new Error(fields.error);
  return fields;
}

function unexpected(expected: string, received: unknown): Error {
  const text = typeof received === 'string' ? received : JSON.stringify(received);
  return new Error(`Expected ${expected} from the program of native peers but received ${text}`);
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw unexpected(`a text for ${name}`, fields);
  return value;
}

function seconds(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !(value >= 0)) throw unexpected(`seconds for ${name}`, fields);
  return value;
}

function list(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw unexpected(`a list of ${name}`, fields);
  return value as readonly Fields[];
}

/** The first line: what was built into the program. */
export function parseLibraries(line: string): NativeLibrary[] {
  return list(fieldsOf(line), 'libraries').map((library) => ({
    name: text(library, 'name'),
    version: text(library, 'version'),
    operators: list(library, 'operators').map((operator) => {
      const kind = text(operator, 'kind');
      if (!KINDS.includes(kind)) throw unexpected(`one of ${KINDS.join(', ')} for kind`, kind);
      return { name: text(operator, 'name'), kind: kind as NativeKind, operands: operandsOf(operator) };
    }),
    convolutions: list(library, 'convolutions').map((c) => ({ name: text(c, 'name'), operands: operandsOf(c) })),
  }));
}

function operandsOf(fields: Fields): Operands {
  const operands = text(fields, 'operands');
  if (!OPERANDS.includes(operands)) throw unexpected(`one of ${OPERANDS.join(', ')} for operands`, operands);
  return operands as Operands;
}

export function parseOpen(line: string): OpenAnswer {
  const fields = fieldsOf(line);
  return { describe: text(fields, 'describe'), problem: text(fields, 'problem') };
}

export function parseRun(line: string): RunAnswer {
  const fields = fieldsOf(line);
  return { seconds: seconds(fields, 'seconds'), cpuSeconds: seconds(fields, 'cpuSeconds') };
}
