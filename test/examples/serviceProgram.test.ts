/** The service as a program of its own: its options, and its end. */
import { loadMnist, range } from '../../examples/digits/mnist';
import { outcome, runChild, SUCCESS } from '../helpers/child';
import { call, type Answer } from '../helpers/http';

const OCTETS = { 'content-type': 'application/octet-stream' };
const { images, labels } = range(loadMnist().test, 0, 1);

describe('service > main', () => {
  const PROGRAM = 'examples/service/main.ts';
  /** A clone without the cache trains the network first. */
  const TIMEOUT = 180_000;

  it(
    'serves until SIGTERM',
    async () => {
      let answer: Promise<Answer> | undefined;
      const ended = await runChild(PROGRAM, {
        args: ['--port', '0', '--mode', 'sync'],
        timeout: TIMEOUT,
        onStdout: (stdout, child) => {
          const [, port] = /listening on http:\/\/127\.0\.0\.1:(\d+)\n/.exec(stdout) ?? [];
          if (port === undefined || answer !== undefined) return;
          answer = call(Number(port), { method: 'POST', path: '/classify', headers: OCTETS, body: images });
          void answer.finally(() => child.kill('SIGTERM'));
        },
      });
      expect(outcome(ended)).toEqual(SUCCESS);
      expect(ended.stdout).toMatch(/sync calls of up to 32 images, qgemm_\w+\n[^]*\nstopped\n$/);
      expect(await answer).toMatchObject({ status: 200, body: { digit: labels[0] } });
    },
    TIMEOUT,
  );

  it.each([
    [['--mode', 'fast'], "Expected sync or async for --mode but received 'fast'"],
    [['--batch', '0'], "Expected an integer from 1 to 1024 for --batch but received '0'"],
    [['--port', 'http'], "Expected an integer from 0 to 65535 for --port but received 'http'"],
    [['--colour'], "Unknown option '--colour'"],
  ])('refuses %j', async (args, message) => {
    const child = await runChild(PROGRAM, { args });
    expect(child).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
  });
});
