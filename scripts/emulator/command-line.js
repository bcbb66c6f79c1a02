'use strict';
// The command line of the emulated machine's Linux (6.1).

/** Emulated instructions per emulated second: only clocks depend on it. */
const INSTRUCTIONS_PER_SECOND = 20e6;

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

const OPTIONS = [
  'console=ttyS0',
  'panic=-1', // Reset at once, upon which Bochs ends.
  `clearcpuid=${HIDDEN_FEATURES.join(',')}`,

  // These save a start about two seconds of twelve: clocks neither measured nor guarded, no workarounds for processors' leaks, no
  // waiting for other processors.
  `tsc_early_khz=${INSTRUCTIONS_PER_SECOND / 1000}`,
  'tsc=reliable',
  'mitigations=off',
  'rcupdate.rcu_expedited=1',
];

/** The whole line. Linux hands what follows "--" to init, but splits it at spaces and takes quotes for its own. */
function buildCommandLine(args, verbose) {
  const unfit = args.find((arg) => !/^[^\s"]+$/.test(arg));
  if (unfit !== undefined) throw new Error(`Expected arguments without spaces and quotes but received ${JSON.stringify(unfit)}`);
  const log = verbose ? 'loglevel=7' : 'loglevel=0';
  return [...OPTIONS, log, '--', ...args].join(' ');
}

module.exports = { INSTRUCTIONS_PER_SECOND, buildCommandLine };
