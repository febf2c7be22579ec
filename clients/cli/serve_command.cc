#include <signal.h>
#include <stdio.h>

#include <utility>

#include "clients/cli/caller.h"
#include "clients/cli/commands.h"
#include "server/front_door.h"

namespace ramet::cli {

absl::Status RunServe(const Flags& flags) {
  // Blocked before any thread is there, so that sigwait gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto master = MakeMaster(flags);
  if (!master.ok()) return master.status();
  auto door = server::FrontDoor::Listen(
      master->get(), MakeConnectOptions(flags), flags.listen);
  if (!door.ok()) return door.status();
  fprintf(stderr, "ramet: listening on %s\n", flags.listen.c_str());
  int signal = 0;
  sigwait(&signals, &signal);
  // No new calls; those at work have the grace. A second signal ends that.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  door->reset();
  (*master)->DisconnectAll();
  return absl::OkStatus();
}

}  // namespace ramet::cli
