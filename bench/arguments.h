#ifndef BENCH_ARGUMENTS_H_
#define BENCH_ARGUMENTS_H_

#include <map>
#include <string>

namespace ramet::bench {

// The command line of a benchmark program: one command word, then pairs
// "--name value". These programs are called by bench/run.py alone, so that
// whatever is wrong ends the process with status 2 and a line that says it.
class Arguments {
 public:
  Arguments(int argc, char** argv);

  const std::string& command() const { return command_; }
  bool Has(const std::string& name) const { return values_.count(name) > 0; }
  // Ends the process when there is none.
  const std::string& Text(const std::string& name) const;
  int Number(const std::string& name) const;  // at least 1

 private:
  std::string command_;
  std::map<std::string, std::string> values_;
};

}  // namespace ramet::bench

#endif  // BENCH_ARGUMENTS_H_
