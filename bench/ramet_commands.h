#ifndef BENCH_RAMET_COMMANDS_H_
#define BENCH_RAMET_COMMANDS_H_

#include "bench/arguments.h"

namespace ramet::bench {

// The commands of ramet_bench. Each prints its results as one line of JSON;
// whatever goes wrong ends the process with status 1 and a line that says it.

// Connects and ends `--count` contexts, one after the other.
void MeasureConnect(const Arguments& arguments);
// One fresh connect with the first call travelling along: time to the result,
// phases and bytes.
void MeasureFirstResult(const Arguments& arguments);
// `--count` blocking calls, one after the other.
void MeasureCalls(const Arguments& arguments);
// `--count` calls with messages of `--bytes`, `--window` of them in flight.
void MeasurePipeline(const Arguments& arguments);
// Blocking calls while another thread sends bulk through the same context.
void MeasureCallsBehindBulk(const Arguments& arguments);
// Connects, and takes the time of the first call and of the second.
void MeasureModule(const Arguments& arguments);
// Streams `--count` messages of `--bytes`, first of replies, then of requests.
// The module of this and the next two is the interoperability tests'.
void MeasureStreams(const Arguments& arguments);
// Blocking small calls for as long as a stream of replies takes, and how much
// the processes on its way grow.
void MeasureCallsBehindStream(const Arguments& arguments);
// How much they grow while the caller does not read one stream, and reads
// another of the same size.
void MeasureStoppedReader(const Arguments& arguments);
// Stays connected: says the agent's process id; after a line on standard input
// makes a call and says the module's; ends with standard input.
void StayIdle(const Arguments& arguments);
// `--count` times: kills the target's agent while a call waits there, and takes
// the time until the call fails. The module is the probe.
void MeasureKill(const Arguments& arguments);
// Connects `--count` local contexts, says how long that took and the process
// ids, and stays until the end of standard input.
void StayMany(const Arguments& arguments);
// What travels: first stage, agent, the module's image.
void MeasureSizes(const Arguments& arguments);

}  // namespace ramet::bench

#endif  // BENCH_RAMET_COMMANDS_H_
