# One ISA's kernels: a static library, because gyp sets flags by target.
{
  'type': 'static_library',
  'sources': ['<!@(node scripts/isa.js sources <(isa))'],
  'cflags_cc': ['<!@(node scripts/isa.js gnu <(isa))'],
  'xcode_settings': {'OTHER_CPLUSPLUSFLAGS': ['<!@(node scripts/isa.js gnu <(isa))']},
  'msvs_settings': {'VCCLCompilerTool': {'AdditionalOptions': ['<!@(node scripts/isa.js msvc <(isa))']}},
}
