"""What runs in the place of an agent or a module: it hands its link over.

`program.py SOCKET` sends its link's descriptors and the command that it was
asked to run through the unix socket SOCKET, and lives until that is closed.
Whoever accepted holds the link then; see door.py. Standard library only.
"""

import array
import os
import socket
import sys


def main():
  module_fd = os.environ.get("RAMET_MODULE_FD")
  link = [int(module_fd)] * 2 if module_fd else [0, 1]
  command = os.environ.get("SSH_ORIGINAL_COMMAND", "")
  with socket.socket(socket.AF_UNIX) as door:
    door.connect(sys.argv[1])
    door.sendmsg([len(command).to_bytes(4, "big") + command.encode()],
                 [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                   array.array("i", link))])
    for fd in set(link):
      os.close(fd)
    door.recv(1)


if __name__ == "__main__":
  main()
