#include "bench/arguments.h"

#include <stdio.h>
#include <stdlib.h>

namespace ramet::bench {
namespace {

[[noreturn]] void WrongUsage(const std::string& why) {
  fprintf(stderr, "wrong usage: %s (these programs are for bench/run.py)\n",
          why.c_str());
  exit(2);
}

}  // namespace

Arguments::Arguments(int argc, char** argv) {
  if (argc < 2) WrongUsage("no command");
  command_ = argv[1];
  for (int i = 2; i < argc; i += 2) {
    const std::string name = argv[i];
    if (name.rfind("--", 0) != 0) WrongUsage("expected a --name, not " + name);
    if (i + 1 == argc) WrongUsage(name + " has no value");
    values_[name.substr(2)] = argv[i + 1];
  }
}

const std::string& Arguments::Text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) WrongUsage("--" + name + " is missing");
  return found->second;
}

int Arguments::Number(const std::string& name) const {
  const std::string& text = Text(name);
  char* end;
  const long number = strtol(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != '\0' || number < 1 ||
      number > 1'000'000'000) {
    WrongUsage("--" + name + " takes a positive number, not " + text);
  }
  return static_cast<int>(number);
}

}  // namespace ramet::bench
