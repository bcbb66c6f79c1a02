'use strict';
// The command line of the emulated machine's Linux (6.1).

/** Features that Bochs' processor reports and Linux must not see. Linux heeds the last clearcpuid= only, so all are in one. */
const HIDDEN_FEATURES = [
  // Bochs contradicts itself about the layout that XSAVE gives the processor's state ("misordered xstate"), upon which Linux
  // does without it, and so without AVX. None of the three alone suffices.
  'pku',
  'xsaves',
  'xsavec',
  // Linux hangs before it starts init where it trusts in fast short "rep movsb".
  'fsrm',
];

/** Initialization that only costs time, 25 s of a start's 35 s. */
const SKIPPED_INITCALLS = [
  'crypto_algapi_init', // Tests all ciphers and hashes: most of these 25 s.
  'load_system_certificate_list',
  'trace_eval_init',
  'cubictcp_register',
  'init_kprobe_trace',
];

const OPTIONS = [
  'console=ttyS0',
  'panic=-1', // Reset at once, upon which Bochs ends.
  `clearcpuid=${HIDDEN_FEATURES.join(',')}`,
  `initcall_blacklist=${SKIPPED_INITCALLS.join(',')}`,
];

/** The whole line. Linux hands what follows "--" to init, but splits it at spaces and takes quotes for its own. */
function buildCommandLine(args, verbose) {
  const unfit = args.find((arg) => !/^[^\s"]+$/.test(arg));
  if (unfit !== undefined) throw new Error(`Expected arguments without spaces and quotes but received ${JSON.stringify(unfit)}`);
  const log = verbose ? 'loglevel=7' : 'loglevel=0';
  return [...OPTIONS, log, '--', ...args].join(' ');
}

module.exports = { buildCommandLine };
