#include "kernels/search/search.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

enum class Fill { kRandom, kExtreme, kTies };

struct Case {
  size_t rows, dimensions, queries, k, threads;
  bool binary;
  Fill fill;
};

std::string Name(const SearchEntry& entry, const Case& c) {
  return std::string(entry.kernel->name) + (c.binary ? " binary" : " int8") + " N" + std::to_string(c.rows) + " D" +
         std::to_string(c.dimensions) + " Q" + std::to_string(c.queries) + " k" + std::to_string(c.k) + " t" +
         std::to_string(c.threads) + " fill" + std::to_string(static_cast<int>(c.fill));
}

// Any code for the corpus, -127 to 127 for a query.
uint8_t Code(Random& random, const Case& c, bool query) {
  const int lowest = query && !c.binary ? -127 : -128;
  if (c.fill == Fill::kExtreme) return static_cast<uint8_t>(random.Below(2) == 0 ? lowest : 127);
  if (c.fill == Fill::kTies) return static_cast<uint8_t>(random.Between(0, 1));
  return static_cast<uint8_t>(random.Between(lowest, 127));
}

int32_t ScoreOf(const Case& c, const uint8_t* query, const uint8_t* row) {
  int32_t sum = 0;
  for (size_t d = 0; d < c.dimensions; ++d) {
    if (c.binary) {
      sum += (query[d / 8] ^ row[d / 8]) >> (7 - d % 8) & 1;
    } else {
      sum += static_cast<int8_t>(query[d]) * static_cast<int8_t>(row[d]);
    }
  }
  return sum;
}

void Run(const SearchEntry& entry, Random& random, const Case& c) {
  const size_t bytes = SearchCodeBytes(c.dimensions, c.binary);
  GuardedArray<uint8_t> codes(c.rows * bytes), queries(c.queries * bytes);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = Code(random, c, false);
  for (size_t i = 0; i < queries.size(); ++i) queries[i] = Code(random, c, true);
  GuardedArray<int32_t> rows(c.queries * c.k), scores(c.queries * c.k);

  SearchCorpus corpus;
  Status status = PackSearchCorpus({c.rows, c.dimensions, codes.data(), c.binary}, entry, &corpus);
  SearchArgs args;
  args.corpus = &corpus;
  args.queries = c.queries;
  args.codes = queries.data();
  args.k = c.k;
  args.rows = rows.data();
  args.scores = scores.data();
  args.threads = c.threads;
  if (status.ok()) status = Search(args);

  bool same = status.ok();
  for (size_t q = 0; q < c.queries && same; ++q) {
    std::vector<std::pair<int32_t, int32_t>> all;  // (worse is more, row)
    for (size_t n = 0; n < c.rows; ++n) {
      const int32_t score = ScoreOf(c, queries.data() + q * bytes, codes.data() + n * bytes);
      all.emplace_back(c.binary ? score : -score, static_cast<int32_t>(n));
    }
    std::sort(all.begin(), all.end());
    for (size_t i = 0; i < c.k && same; ++i) {
      const int32_t score = c.binary ? all[i].first : -all[i].first;
      same = rows[q * c.k + i] == all[i].second && scores[q * c.k + i] == score;
    }
  }
  Expect(same, Name(entry, c) + (status.ok() ? "" : ": " + status.message()));
}

void TestKernel(const SearchEntry& entry, bool quick) {
  Random random(7);
  for (const bool binary : {false, true}) {
    for (const Fill fill : {Fill::kRandom, Fill::kExtreme, Fill::kTies}) {
      for (const size_t dimensions : {1, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 100}) {
        for (const size_t rows : {1, 15, 16, 17, 33}) {
          for (const size_t queries : {1, 2, 3, 5})
            Run(entry, random, {rows, dimensions, queries, 1 + random.Below(rows), 1, binary, fill});
        }
      }
      // Byte sums run over 31 chunks, and every microkernel has its own number of queries.
      for (const size_t dimensions : {991, 992, 993, 2017}) {
        for (size_t queries = 1; queries <= kSearchMaxQueries + 1; ++queries)
          Run(entry, random, {19, dimensions, queries, 19, 1, binary, fill});
      }
      Run(entry, random, {quick ? size_t{700} : size_t{3000}, 768, 35, 10, 1, binary, fill});
      for (const size_t threads : {2, 3, 5})
        Run(entry, random, {quick ? size_t{800} : size_t{2500}, 300, 33, 40, threads, binary, fill});
    }
    for (int i = 0; i < (quick ? 20 : 300); ++i) {
      const size_t rows = 1 + random.Below(600);
      Run(entry, random,
          {rows, 1 + random.Below(200), 1 + random.Below(12), 1 + random.Below(rows), 1 + random.Below(3), binary,
           static_cast<Fill>(random.Below(3))});
    }
  }
}

void TestDepth(const SearchEntry& entry) {
  // The largest sums that there are, of both signs, at the largest depth.
  const size_t d = kSearchMaxDepth;
  std::vector<uint8_t> codes(2 * d, 0x80), query(d, 127);
  std::fill(codes.begin() + static_cast<std::ptrdiff_t>(d), codes.end(), uint8_t{127});
  SearchCorpus corpus;
  Status status = PackSearchCorpus({2, d, codes.data(), false}, entry, &corpus);
  int32_t rows[2], scores[2];
  SearchArgs args;
  args.corpus = &corpus;
  args.queries = 1;
  args.codes = query.data();
  args.k = 2;
  args.rows = rows;
  args.scores = scores;
  if (status.ok()) status = Search(args);
  const auto depth = static_cast<int32_t>(d);
  Expect(status.ok() && rows[0] == 1 && rows[1] == 0 && scores[0] == 127 * 127 * depth && scores[1] == -128 * 127 * depth,
         std::string(entry.kernel->name) + " at the largest depth");
  query[5] = 0x80;
  Expect(Search(args).code() == Code::kValue, "a query code of -128");
  args.k = 3;
  Expect(Search(args).code() == Code::kValue, "k above N");
  Expect(PackSearchCorpus({1, d + 1, codes.data(), false}, entry, &corpus).code() == Code::kShape, "too deep");
  Expect(PackSearchCorpus({0, 4, codes.data(), false}, entry, &corpus).code() == Code::kShape, "no rows");
}

void TestRescore() {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  GuardedArray<float> x(6 * 3 - 1), query(2);
  const float values[] = {1, 2, 0, 3, 0, 0, kNan, 1, 0, 2, 1, 0, 1, 2, 0, -1, 0};
  std::copy(std::begin(values), std::end(values), x.data());
  query[0] = 1;
  query[1] = 1;
  const int32_t candidates[] = {5, 2, 4, 3, 1, 0};
  GuardedArray<int32_t> rows(6);
  GuardedArray<float> scores(6);
  const Status status = Rescore({2, 1, 6, 6, query.data(), x.data(), 3, candidates, rows.data(), scores.data(), 2});
  // 3 = 1 + 2 = 3 + 0 = 2 + 1 ties by row; NaN comes last.
  const int32_t expected[] = {0, 1, 3, 4, 5, 2};
  Expect(status.ok() && std::equal(rows.data(), rows.data() + 6, expected) && scores[3] == 3 && scores[4] == -1, "rescore");
}

void TestQuantization() {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();
  const EmbeddingShape shape{2, 9, 10};
  GuardedArray<float> x(19);
  const float values[] = {0.5f, 1.5f, -0.5f, -127.4f, 127.5f, kNan, kInfinity, -kInfinity, 3, 99,
                          2.5f, 0,    -1,    1000,    -1000,  kNan, kNan,      1,          2};
  std::copy(std::begin(values), std::end(values), x.data());
  GuardedArray<float> min(9), max(9);
  EmbeddingRanges(shape, x.data(), min.data(), max.data());
  Expect(min[0] == 0.5f && max[0] == 2.5f && min[4] == -1000 && min[5] == 0 && max[5] == 0 && min[6] == 0 && max[7] == 1 &&
             min[7] == 1 && max[8] == 3,
         "ranges");
  GuardedArray<int8_t> codes(18);
  const float centre = 0, step = 1;
  QuantizeEmbeddings(shape, x.data(), &centre, &step, false, codes.data());
  const int8_t expected[] = {0, 2, 0, -127, 127, 0, 127, -127, 3, 2, 0, -1, 127, -127, 0, 0, 1, 2};
  Expect(std::equal(codes.data(), codes.data() + 18, expected), "int8 codes, ties to even");
  GuardedArray<uint8_t> bits(4);
  BinarizeEmbeddings(shape, x.data(), bits.data());
  Expect(bits[0] == 0xca && bits[1] == 0x80 && bits[2] == 0x91 && bits[3] == 0x80, "bits");
}

}  // namespace

void TestSearch(bool quick) {
  for (const SearchEntry& entry : SearchKernels()) {
    if (!InfoOf(entry.isa).supported) continue;
    TestKernel(entry, quick);
    TestDepth(entry);
  }
  TestRescore();
  TestQuantization();
}

}  // namespace test
}  // namespace lowp
