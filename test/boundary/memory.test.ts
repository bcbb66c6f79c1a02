/** Native memory comes back: after dispose, after garbage collection, and after calls that fail. Needs --expose-gc, so children. */
import { outcome, runChild, SUCCESS } from '../helpers/child';

test.each([
  ['dispose', '100000 handles packed and disposed'],
  ['drop', '2000 handles dropped and collected'],
  ['calls', 'the memory of calls came back'],
])(
  '%s',
  async (mode, stdout) => {
    const child = await runChild('test/boundary/fixtures/memory.ts', { args: [mode], flags: ['--expose-gc'] });
    expect(outcome(child)).toEqual(SUCCESS);
    expect(child.stdout.trim()).toBe(stdout);
  },
  70_000,
);
