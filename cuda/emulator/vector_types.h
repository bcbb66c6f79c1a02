// CUDA's vector types, of its names, sizes and alignments.
#ifndef LOWP_CUDA_EMULATOR_VECTOR_TYPES_H_
#define LOWP_CUDA_EMULATOR_VECTOR_TYPES_H_

#define LOWP_VECTORS(type, name)                                              \
  struct alignas(2 * sizeof(type)) name##2 {                                  \
    type x, y;                                                                \
  };                                                                          \
  struct name##3 {                                                            \
    type x, y, z;                                                             \
  };                                                                          \
  struct alignas(4 * sizeof(type) > 16 ? 16 : 4 * sizeof(type)) name##4 {     \
    type x, y, z, w;                                                          \
  };                                                                          \
  inline name##2 make_##name##2(type x, type y) { return {x, y}; }            \
  inline name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; } \
  inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }

LOWP_VECTORS(signed char, char)
LOWP_VECTORS(unsigned char, uchar)
LOWP_VECTORS(short, short)
LOWP_VECTORS(unsigned short, ushort)
LOWP_VECTORS(int, int)
LOWP_VECTORS(unsigned int, uint)
LOWP_VECTORS(long long, longlong)
LOWP_VECTORS(unsigned long long, ulonglong)
LOWP_VECTORS(float, float)
LOWP_VECTORS(double, double)
#undef LOWP_VECTORS

struct dim3 {
  unsigned int x, y, z;
  constexpr dim3(unsigned int x = 1, unsigned int y = 1, unsigned int z = 1) : x(x), y(y), z(z) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};

#endif  // LOWP_CUDA_EMULATOR_VECTOR_TYPES_H_
