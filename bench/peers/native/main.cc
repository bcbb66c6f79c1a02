// Times operators of native libraries for the bench: stays running, takes a request a line, answers with a line of JSON. The
// bench alternates these samples with its own, so that a change of clock or a neighbour meets both. Threads are what
// OMP_NUM_THREADS and OPENBLAS_NUM_THREADS say when it starts: the libraries' own way.
//
//   at its start                    -> {"libraries":[{"name":..,"version":..,"operators":[{"name":..,"kind":..,"operands":..}],
//                                        "convolutions":[{"name":..,"operands":..}]}]}
//   open ID M N K SPARSITY LIBRARY/OPERATOR -> {"describe":"..","problem":""}   one call made and verified
//   conv ID C H W O KERNEL STRIDE PADDING GROUPS LIBRARY/OPERATOR  -> the same of a convolution
//   run ID CALLS                    -> {"seconds":..,"cpuSeconds":..}        of all calls; processor time of the process so far
//   close ID                        -> {}
//   anything that fails             -> {"error":".."}
#include <chrono>
#include <ctime>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "conv.h"
#include "problem.h"

namespace lowp_peers {
namespace {

std::string Quote(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return quoted + '"';
}

class Server {
 public:
  explicit Server(std::vector<Library> libraries) : libraries_(std::move(libraries)) {}

  std::string Hello() const {
    std::string text = "{\"libraries\":[";
    for (const Library& library : libraries_) {
      text += &library == &libraries_.front() ? "" : ",";
      text += "{\"name\":" + Quote(library.name) + ",\"version\":" + Quote(library.version) + ",\"operators\":[";
      for (const Operator& op : library.operators) {
        text += &op == &library.operators.front() ? "" : ",";
        text += "{\"name\":" + Quote(op.name) + ",\"kind\":" + Quote(op.kind) + ",\"operands\":" + Quote(op.operands) + "}";
      }
      text += "],\"convolutions\":[";
      for (const ConvOperator& op : library.convolutions) {
        text += &op == &library.convolutions.front() ? "" : ",";
        text += "{\"name\":" + Quote(op.name) + ",\"operands\":" + Quote(op.operands) + "}";
      }
      text += "]}";
    }
    return text + "]}";
  }

  std::string Answer(const std::string& line) {
    std::istringstream request(line);
    std::string verb;
    int id = 0;
    request >> verb >> id;
    if (verb == "open") return Open(id, request);
    if (verb == "conv") return OpenConv(id, request);
    if (verb == "run") return Run(id, request);
    if (verb == "close") {
      open_.erase(id);
      return "{}";
    }
    throw std::runtime_error("Expected open, conv, run or close but received '" + verb + "'");
  }

 private:
  std::string Open(int id, std::istringstream& request) {
    Shape shape{};
    std::string name;
    request >> shape.m >> shape.n >> shape.k >> shape.sparsity >> std::ws;
    std::getline(request, name);
    if (shape.m < 1 || shape.n < 1 || shape.k < 1) throw std::runtime_error("Expected three sizes of at least 1");
    if (!(shape.sparsity >= 0 && shape.sparsity <= 1)) throw std::runtime_error("Expected a sparsity from 0 to 1");
    return Keep(id, Find(&Library::operators, name).open(shape));
  }

  std::string OpenConv(int id, std::istringstream& request) {
    ConvShape s{};
    std::string name;
    request >> s.channels >> s.height >> s.width >> s.out_channels >> s.kernel >> s.stride >> s.padding >> s.groups >> std::ws;
    std::getline(request, name);
    if (!s.Valid()) throw std::runtime_error("Expected the eight sizes of a convolution");
    return Keep(id, Find(&Library::convolutions, name).open(s));
  }

  std::string Keep(int id, std::unique_ptr<Product> product) {
    product->Run();
    const std::string answer = "{\"describe\":" + Quote(product->Describe()) + ",\"problem\":" + Quote(product->Check()) + "}";
    open_[id] = std::move(product);
    return answer;
  }

  std::string Run(int id, std::istringstream& request) {
    const auto found = open_.find(id);
    if (found == open_.end()) throw std::runtime_error("Expected an open product but received " + std::to_string(id));
    int64_t calls = 0;
    request >> calls;
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < calls; i++) found->second->Run();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    std::ostringstream answer;
    answer.precision(9);
    answer << "{\"seconds\":" << elapsed.count() << ",\"cpuSeconds\":" << static_cast<double>(std::clock()) / CLOCKS_PER_SEC
           << "}";
    return answer.str();
  }

  template <typename Op>
  const Op& Find(std::vector<Op> Library::*operators, const std::string& name) const {
    for (const Library& library : libraries_) {
      for (const Op& op : library.*operators) {
        if (std::string(library.name) + "/" + op.name == name) return op;
      }
    }
    throw std::runtime_error("Expected one of the operators but received '" + name + "'");
  }

  std::vector<Library> libraries_;
  std::map<int, std::unique_ptr<Product>> open_;
};

int Main() {
  std::vector<Library> libraries;
#ifdef LOWP_PEER_EIGEN
  libraries.push_back(OpenEigen());
#endif
#ifdef LOWP_PEER_LIBXSMM
  libraries.push_back(OpenLibxsmm());
#endif
#ifdef LOWP_PEER_ONEDNN
  libraries.push_back(OpenOneDnn());
#endif
#ifdef LOWP_PEER_OPENBLAS
  libraries.push_back(OpenOpenBlas());
#endif
  Server server(std::move(libraries));
  std::cout << server.Hello() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      std::cout << server.Answer(line) << std::endl;
    } catch (const std::exception& e) {
      std::cout << "{\"error\":" << Quote(e.what()) << "}" << std::endl;
    }
  }
  return 0;
}

}  // namespace
}  // namespace lowp_peers

int main() { return lowp_peers::Main(); }
