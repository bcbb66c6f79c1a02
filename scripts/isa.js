'use strict';
// Answers binding.gyp's questions about native/isas.json, which CMakeLists.txt reads by itself:
//   node scripts/isa.js sources [<isa>] the kernel files of one ISA (none if the compiler does not know it); without a name,
//                                       everything that is of no ISA
//   node scripts/isa.js gnu|msvc <isa>  its flags
//   node scripts/isa.js defines <arch>  LOWP_HAVE_<ISA>=1 for each ISA of the architecture whose flags the compiler takes
const { spawnSync } = require('node:child_process');
const { readdirSync } = require('node:fs');
const { join } = require('node:path');

const native = join(__dirname, '..', 'native');
const { isas } = require('../native/isas.json');

function compilerTakes(flags) {
  if (process.platform === 'win32') return true;
  const [compiler, ...rest] = (process.env.CXX || 'g++').split(' ');
  return spawnSync(compiler, [...rest, ...flags, '-x', 'c++', '-E', '-'], { input: '' }).status === 0;
}

function sources(isa) {
  const ownIsa = (file) => isas.find(({ name }) => file.endsWith(`_${name}.cc`))?.name ?? '';
  return readdirSync(native, { recursive: true })
    .map((file) => file.split('\\').join('/'))
    .filter((file) => file.endsWith('.cc') && !file.startsWith('test/') && ownIsa(file) === isa)
    .map((file) => `native/${file}`)
    .sort();
}

function answer(question, subject = '') {
  const isa = isas.find(({ name }) => name === subject);
  switch (question) {
    case 'sources':
      return isa && !compilerTakes(isa.gnu) ? [] : sources(subject);
    case 'gnu':
    case 'msvc':
      return compilerTakes(isa.gnu) ? isa[question] : [];
    case 'defines':
      return isas
        .filter(({ arch, gnu }) => arch === subject && compilerTakes(gnu))
        .map(({ name }) => `LOWP_HAVE_${name.toUpperCase()}=1`);
    default:
      throw new Error(`Expected sources, gnu, msvc or defines but received ${question}`);
  }
}

module.exports = { isas, sources };
if (require.main === module) console.log(answer(process.argv[2], process.argv[3]).join('\n'));
