/** Worker threads load, use and end at any moment; nothing of that reaches the others. Child processes: a fault would end jest. */
import { outcome, runChild, SUCCESS } from '../helpers/child';

const modes: [mode: string, stdout: RegExp][] = [
  // 50 workers killed in mid-call, while the main thread checks its own results.
  ['terminate', /^50 workers terminated, \d+ results right\n$/],
  ['api', /^4 workers terminated, \d+ results right\n$/],
  ['normal', /^exit 0\nexit 0\nexit 3\n$/],
  // The addon is loaded and unloaded with each worker; the main thread never has it.
  ['only', /^exit 0\nexit 0\nexit 0\n$/],
];

test.each(modes)(
  '%s',
  async (mode, stdout) => {
    const child = await runChild('test/boundary/fixtures/workers.ts', { args: [mode] });
    expect(outcome(child)).toEqual(SUCCESS);
    expect(child.stdout).toMatch(stdout);
  },
  70_000,
);
