# The same addon as CMakeLists.txt builds, for machines without cmake (npm run build chooses). Sources, flags and defines come
# from native/isas.json and the native/ folder through scripts/isa.js; only the names of the ISAs stand here again.
{
  'target_defaults': {
    'include_dirs': ['native', '.'],
    'cflags!': ['-fno-exceptions'],
    'cflags_cc!': ['-fno-exceptions', '-fno-rtti', '-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': ['-std=c++17', '-fexceptions', '-O3', '-ffp-contract=off', '-fvisibility=hidden', '-fvisibility-inlines-hidden', '-Wall', '-Wextra'],
    'defines': ['<!@(node scripts/isa.js defines <(target_arch))'],
    'xcode_settings': {
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
      'GCC_ENABLE_CPP_EXCEPTIONS': 'YES',
      'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      'GCC_OPTIMIZATION_LEVEL': '3',
      'OTHER_CPLUSPLUSFLAGS': ['-ffp-contract=off'],
    },
    'msvs_settings': {'VCCLCompilerTool': {'ExceptionHandling': 1, 'FloatingPointModel': 1, 'AdditionalOptions': ['/std:c++17']}},
  },
  'targets': [
    {
      'target_name': 'lowp',
      'sources': ['<!@(node scripts/isa.js sources)'],
      'include_dirs': ["<!(node -p \"require('node-addon-api').include_dir\")"],
      'defines': ['NAPI_VERSION=8', 'NODE_ADDON_API_CPP_EXCEPTIONS_ALL', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
      'conditions': [
        ['OS=="linux"', {'ldflags': ['-Wl,--version-script=<(module_root_dir)/native/exports.map'], 'libraries': ['-ldl']}],
        ['target_arch=="x64"', {'dependencies': ['isa_avx512vnni', 'isa_avx512', 'isa_avxvnni', 'isa_avx2']}],
        ['target_arch=="arm64"', {'dependencies': ['isa_neondot', 'isa_neon']}],
      ],
    },
  ],
  'conditions': [
    ['target_arch=="x64"', {
      'targets': [
        {'target_name': 'isa_avx512vnni', 'variables': {'isa': 'avx512vnni'}, 'includes': ['native/isa.gypi']},
        {'target_name': 'isa_avx512', 'variables': {'isa': 'avx512'}, 'includes': ['native/isa.gypi']},
        {'target_name': 'isa_avxvnni', 'variables': {'isa': 'avxvnni'}, 'includes': ['native/isa.gypi']},
        {'target_name': 'isa_avx2', 'variables': {'isa': 'avx2'}, 'includes': ['native/isa.gypi']},
      ],
    }],
    ['target_arch=="arm64"', {
      'targets': [
        {'target_name': 'isa_neondot', 'variables': {'isa': 'neondot'}, 'includes': ['native/isa.gypi']},
        {'target_name': 'isa_neon', 'variables': {'isa': 'neon'}, 'includes': ['native/isa.gypi']},
      ],
    }],
  ],
}
