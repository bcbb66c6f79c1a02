// By itself, because the CUDA plugin has it too.
#include <string>

#include "kernels/sparse/sparse.h"

namespace lowp {

Status CheckSparse(const SparseMatrix& m) {
  const size_t rows = m.rows / m.block_rows, cols = m.cols / m.block_cols;
  const auto fail = [](const char* what, size_t at, int64_t got) -> Status {
    return {Code::kValue,
            "Expected " + std::string(what) + " at position " + std::to_string(at) + " but received " + std::to_string(got)};
  };
  if (m.row_ptr[0] != 0) return fail("rowPtr to start with 0", 0, m.row_ptr[0]);
  for (size_t row = 0; row < rows; ++row) {
    if (m.row_ptr[row + 1] < m.row_ptr[row]) return fail("rowPtr not to descend", row + 1, m.row_ptr[row + 1]);
    if (static_cast<size_t>(m.row_ptr[row + 1]) > m.blocks) return fail("rowPtr within colIdx", row + 1, m.row_ptr[row + 1]);
    int64_t before = -1;
    for (auto at = static_cast<size_t>(m.row_ptr[row]); at < static_cast<size_t>(m.row_ptr[row + 1]); ++at) {
      if (m.col_idx[at] <= before || static_cast<size_t>(m.col_idx[at]) >= cols)
        return fail("colIdx ascending and in range", at, m.col_idx[at]);
      before = m.col_idx[at];
    }
  }
  if (static_cast<size_t>(m.row_ptr[rows]) != m.blocks)
    return fail("rowPtr to end with the number of entries", rows, m.row_ptr[rows]);
  return {};
}

bool IsTwoOfFour(const SparseMatrix& m) {
  if (m.block_rows != 1 || m.block_cols != 1 || m.blocks == 0 || m.cols % 4 != 0 || m.blocks != m.rows * (m.cols / 2))
    return false;
  for (size_t row = 0; row < m.rows; ++row) {
    const size_t begin = row * (m.cols / 2);
    if (static_cast<size_t>(m.row_ptr[row]) != begin) return false;
    for (size_t i = 0; i < m.cols / 2; ++i) {
      if (static_cast<size_t>(m.col_idx[begin + i]) / 4 != i / 2) return false;
    }
  }
  return true;
}

}  // namespace lowp
