'use strict';
// Runs a static x86-64 Linux program in Bochs, whose processor has instructions that this machine's may lack (AVX-512 VNNI):
//   node scripts/emulator/index.js [--verbose] <program> [<argument>...]
// Shows its stdout and stderr, and exits with its status: 124 where it took too long, 125 where the emulator failed.
// --verbose shows Linux's log, too. A start takes 10 s; then come some 40 million instructions a second, 10 million where they
// are AVX-512's, and a line of output in 30 ms. Clocks are emulated: speeds measured there mean nothing.
const { execFileSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { cached } = require('./cache');
const { buildCommandLine } = require('./command-line');
const { BOOT_PARAMS, MIB, PAGE_TABLES, buildImage } = require('./image');
const { buildInitramfs } = require('./initramfs');
const { loadKernel } = require('./kernel');
const { runMachine } = require('./machine');

const ROM_ADDRESS = '0xffff0000'; // The last 64 KiB below 4 GiB

/** What is used of Debian's packages, for ensureTools. */
const TOOLS = {
  'apt-get': 'apt',
  'bochs-bin': 'bochs',
  gcc: 'gcc',
  script: 'bsdutils',
  '/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so': 'bochs-term',
};

/** Assembles rom.S where that was not yet done; its contents. */
function readRom() {
  const source = join(__dirname, 'rom.S');
  const addresses = [`-DBOOT_PARAMS=${BOOT_PARAMS}`, `-DPAGE_TABLES=${PAGE_TABLES}`];
  const linking = ['-m32', '-nostdlib', '-static', `-Wl,--oformat=binary,--build-id=none,--entry=0,-Ttext=${ROM_ADDRESS}`];
  const file = cached('rom', [source, require.resolve('./image')], (path) =>
    execFileSync('gcc', [...addresses, ...linking, '-o', path, source]),
  );
  return readFileSync(file);
}

/** Runs the program, whose output appears; resolves with its exit status. */
async function emulate(
  program,
  args,
  { cpu = 'corei7_icelake_u', memorySize = 512 * MIB, seconds = 1200, verbose = false } = {},
) {
  const image = buildImage({
    kernel: loadKernel(),
    initramfs: buildInitramfs(program),
    commandLine: buildCommandLine(args, verbose),
    memorySize,
  });
  const folder = mkdtempSync(join(tmpdir(), 'lowp-emulator-'));
  try {
    return await runMachine(folder, { rom: readRom(), image, cpu, memorySize, seconds });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

module.exports = { TOOLS, emulate };

if (require.main === module) {
  const args = process.argv.slice(2);
  const verbose = args[0] === '--verbose';
  const [program, ...programArgs] = verbose ? args.slice(1) : args;
  if (program === undefined) throw new Error('Expected a program');
  emulate(program, programArgs, { verbose }).then((status) => {
    process.exitCode = status;
  });
}
