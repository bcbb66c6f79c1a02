/** Answers of the program of native peers, line by line. */
import { parseLibraries, parseOpen, parseRun } from '../../bench/peers/protocol';

test('protocol > the first line lists libraries and operators', () => {
  const operator = { name: 'matmul u8s8', kind: 'int8', operands: 'u8s8' };
  const convolution = { name: 'conv f32', operands: 'f32' };
  const library = { name: 'oneDNN', version: '2.6.3', operators: [operator], convolutions: [convolution] };
  expect(parseLibraries(JSON.stringify({ libraries: [library] }))).toEqual([library]);
  expect(parseLibraries('{"libraries":[]}')).toEqual([]);
});

test('protocol > an opened product and a run', () => {
  expect(parseOpen('{"describe":"gemm:jit","problem":""}')).toEqual({ describe: 'gemm:jit', problem: '' });
  expect(parseRun('{"seconds":0.25,"cpuSeconds":1}')).toEqual({ seconds: 0.25, cpuSeconds: 1 });
});

test('protocol > an error is thrown with its text', () => {
  for (const parse of [parseLibraries, parseOpen, parseRun]) {
    expect(() => parse('{"error":"no such operator"}')).toThrow('no such operator');
  }
});

test.each([
  ['not JSON', 'Segmentation fault', 'Expected a line of JSON from the program of native peers but received Segmentation fault'],
  ['not an object', '[1]', 'Expected an object'],
  ['a field is missing', '{"cpuSeconds":1}', 'Expected seconds for seconds'],
  ['not a time', '{"seconds":null,"cpuSeconds":1}', 'Expected seconds for seconds'],
])('protocol > refused: %s', (_, line, message) => {
  expect(() => parseRun(line)).toThrow(message);
});

test.each([
  ['kind', 'int4', 's8s8', 'Expected one of int8, float32, sparse for kind'],
  ['operands', 'int8', 's8u8', 'for operands'],
])('protocol > an unknown %s is refused', (_, kind, operands, message) => {
  const operators = [{ name: 'y', kind, operands }];
  const line = JSON.stringify({ libraries: [{ name: 'x', version: '1', operators, convolutions: [] }] });
  expect(() => parseLibraries(line)).toThrow(message);
});
