"""What Mitogen's contexts run: the greeter's work as a Python function.

A module of its own, because Mitogen sends the whole module to the context.
"""

import os
import socket


def say_hello(name):
  return {
      "message": "Hello, " + name + "!",
      "hostname": socket.gethostname(),
      "pid": os.getpid(),
      "uid": os.getuid(),
  }
