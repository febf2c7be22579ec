#ifndef PARENT_CONNECT_STATS_H_
#define PARENT_CONNECT_STATS_H_

#include <stdint.h>

#include <vector>

namespace ramet::parent {

// What one connect cost, for `--stats` and the benchmark. Written by the
// transport and the bootstrap on the loop's thread.
struct ConnectStats {
  struct Phase {
    const char* name;  // static: "connect", "authentication", ...
    int64_t start_us;
  };

  std::vector<Phase> phases;
  // Bytes on the transport's wire, encryption and framing included where the
  // transport can tell.
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  // Times that the wire changed from sending to receiving.
  uint32_t round_trips = 0;
  // Of the first stage: its command, the images that were sent for it, what the
  // far end answered up to the agent's marker, and how often an image was asked
  // for, the first time included. Not framed by a transport, and without the
  // link's own frames that travel behind the image.
  uint64_t bootstrap_bytes_sent = 0;
  uint64_t bootstrap_bytes_received = 0;
  uint32_t bootstrap_round_trips = 0;
  // Told of each phase as it is entered; may be null. A plain function, because
  // the agent carries this struct, too.
  void (*on_phase)(void* owner, const char* name) = nullptr;
  void* on_phase_owner = nullptr;

  void EnterPhase(const char* name, int64_t now_us) {
    phases.push_back({name, now_us});
    if (on_phase != nullptr) on_phase(on_phase_owner, name);
  }
};

}  // namespace ramet::parent

#endif  // PARENT_CONNECT_STATS_H_
