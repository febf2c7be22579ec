// ramet_bench COMMAND [--name value]...: what ramet costs, measured from a C++
// program that embeds the master. See ramet_commands.h.
#include <stdio.h>

#include "bench/arguments.h"
#include "bench/ramet_commands.h"

int main(int argc, char** argv) {
  static constexpr struct {
    const char* name;
    void (*run)(const ramet::bench::Arguments& arguments);
  } kCommands[] = {
      {"connect", &ramet::bench::MeasureConnect},
      {"first-result", &ramet::bench::MeasureFirstResult},
      {"call", &ramet::bench::MeasureCalls},
      {"pipeline", &ramet::bench::MeasurePipeline},
      {"behind-bulk", &ramet::bench::MeasureCallsBehindBulk},
      {"module", &ramet::bench::MeasureModule},
      {"stream", &ramet::bench::MeasureStreams},
      {"behind-stream", &ramet::bench::MeasureCallsBehindStream},
      {"stopped-reader", &ramet::bench::MeasureStoppedReader},
      {"idle", &ramet::bench::StayIdle},
      {"kill", &ramet::bench::MeasureKill},
      {"many", &ramet::bench::StayMany},
      {"sizes", &ramet::bench::MeasureSizes},
  };
  const ramet::bench::Arguments arguments(argc, argv);
  for (const auto& command : kCommands) {
    if (arguments.command() == command.name) {
      command.run(arguments);
      return 0;
    }
  }
  fprintf(stderr, "ramet_bench: unknown command %s\n",
          arguments.command().c_str());
  return 2;
}
