/** Runs a TypeScript program in a child process: for what could crash, hang or change the process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(__dirname, '..', '..');

export interface ChildResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Flags for node, before the program. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  /** Milliseconds; then the child is killed and `timedOut` is true. Default 60 000. */
  readonly timeout?: number;
  /** Called with all that was printed so far, each time that there is more: for programs that run until they are told to stop. */
  readonly onStdout?: (stdout: string, child: ChildProcess) => void;
}

/** `program` is a path from the root of the repository, or an absolute one. LOWP_* variables are not inherited, LOWP_BINARY is. */
export function runChild(program: string, options: ChildOptions = {}): Promise<ChildResult> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LOWP_') || name === 'LOWP_BINARY');
  const path = existsSync(program) ? program : join(ROOT, program);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', ...(options.flags ?? []), path, ...(options.args ?? [])], {
      cwd: ROOT,
      env: { ...Object.fromEntries(inherited), TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json'), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeout ?? 60_000);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      options.onStdout?.(stdout, child);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, timedOut });
    });
  });
}

/** For a child that must succeed: its exit code beside everything that it printed, so that a failure explains itself. */
export function outcome({ code, signal, timedOut, stderr }: ChildResult): object {
  return { code, signal, timedOut, stderr };
}

export const SUCCESS = { code: 0, signal: null, timedOut: false, stderr: '' };
