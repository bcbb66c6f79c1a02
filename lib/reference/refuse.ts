/** The oracle refuses what has no defined result, under the library's codes. It imports types only, so it makes its own errors. */
export function refuse(
  code: 'ERR_LOWP_TYPE' | 'ERR_LOWP_DISPOSED' | 'ERR_LOWP_SHAPE' | 'ERR_LOWP_VALUE',
  message: string,
): Error {
  const error = code === 'ERR_LOWP_TYPE' || code === 'ERR_LOWP_DISPOSED' ? new TypeError(message) : new RangeError(message);
  return Object.assign(error, { code });
}
