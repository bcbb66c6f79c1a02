'use strict';
// Bochs as a function: starts it on a ROM and a memory image, shows what comes over its serial line, returns the exit status
// that init.c reports there.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { closeSync, existsSync, openSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { IMAGE_START, MIB } = require('./image');

const INSTRUCTIONS_PER_SECOND = 20e6; // Emulated seconds: only clocks depend on it.
const POLL_MS = 200;
const TAIL_LENGTH = 2000;
const END_OF_OUTPUT = '\x03'; // init.c's ETX

// Exit statuses: what we return where there is none of the payload, and what timeout(1) returns when it kills.
const TIMED_OUT = 124;
const NO_STATUS = 125;
const INTERRUPTED = 130;
const KILLED = 137;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Bochs' configuration: a processor, memory and a serial line; all else is off as far as it lets us. */
function configuration(cpu, memorySize) {
  return `
cpu: model=${cpu}, count=1, ips=${INSTRUCTIONS_PER_SECOND}, reset_on_triple_fault=0, ignore_bad_msrs=1
clock: sync=none, time0=utc, rtc_sync=0
megs: ${memorySize / MIB}
romimage: file=rom
optramimage1: file=image, address=${IMAGE_START}
com1: enabled=1, mode=file, dev=serial
pci: enabled=0
ata0: enabled=0
floppy_bootsig_check: disabled=1
speaker: enabled=0
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
display_library: term
vga: extension=none, update_freq=1
log: log
panic: action=fatal
error: action=ignore
info: action=ignore
`;
}

/** { output, status }: what came over the serial line; the status is undefined until its last line is there. */
function parseSerial(serial) {
  const end = serial.indexOf(END_OF_OUTPUT);
  if (end < 0) return { output: serial };
  const status = /^(\d+)\n/.exec(serial.slice(end + 1))?.[1];
  return { output: serial.slice(0, end), status: status && Number(status) };
}

/** Starts Bochs. Its curses display and its debugger, both of which Debian builds in, want a terminal: script(1) is one. */
function startBochs(folder, seconds) {
  const bochs = 'bochs-bin -q -f configuration -rc commands';
  // A limit that holds even where this process is killed. Bochs ignores SIGTERM, and may use the terminal only in the foreground.
  const limited = `exec timeout --foreground --signal=KILL ${seconds} ${bochs}`;
  const screen = openSync(join(folder, 'screen'), 'w');
  const child = spawn('script', ['--quiet', '--return', '--command', limited, '/dev/null'], {
    cwd: folder,
    stdio: ['ignore', screen, screen],
    env: { ...process.env, SHELL: '/bin/sh', TERM: 'xterm', LANG: 'C' },
  });
  closeSync(screen);
  return child;
}

/** Resolves with the exit status of Bochs or what started it; calls poll() every now and then until then. */
async function watch(child, poll) {
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    child.kill();
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  const timer = setInterval(poll, POLL_MS);
  try {
    const [status] = await once(child, 'close');
    return interrupted ? INTERRUPTED : status;
  } finally {
    clearInterval(timer);
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

/** What to say where no exit status came over the serial line. */
function explain(folder, status, seconds) {
  if (status === KILLED) return `Expected the program to end within ${seconds} s`;
  const tails = ['log', 'screen']
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'latin1').slice(-TAIL_LENGTH));
  return `Expected the program's exit status but Bochs ended with ${status}\n${tails.join('\n')}`;
}

/** Runs the machine in `folder`, an empty one. Writes its output to stdout; resolves with the payload's exit status. */
async function runMachine(folder, { rom, image, cpu, memorySize, seconds }) {
  const serial = join(folder, 'serial');
  writeFileSync(serial, '');
  writeFileSync(join(folder, 'rom'), rom);
  writeFileSync(join(folder, 'image'), image);
  writeFileSync(join(folder, 'configuration'), configuration(cpu, memorySize));
  writeFileSync(join(folder, 'commands'), 'continue\nquit\n'); // For the debugger, which stops before the first instruction.

  let shown = 0;
  const showOutput = () => {
    const { output, status } = parseSerial(readFileSync(serial, 'latin1'));
    process.stdout.write(output.slice(shown), 'latin1');
    shown = output.length;
    return status;
  };
  const bochsStatus = await watch(startBochs(folder, seconds), showOutput);
  const status = showOutput();
  if (status !== undefined) return status;
  if (bochsStatus === INTERRUPTED) return INTERRUPTED;
  console.error(explain(folder, bochsStatus, seconds));
  return bochsStatus === KILLED ? TIMED_OUT : NO_STATUS;
}

module.exports = { runMachine };
