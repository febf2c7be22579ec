"""What Mitogen's contexts run: the greeter's work as a Python function.

A module of its own, because Mitogen sends the whole module to the context.
"""

import os
import socket

import mitogen.core


def say_hello(name):
  return {
      "message": "Hello, " + name + "!",
      "hostname": socket.gethostname(),
      "pid": os.getpid(),
      "uid": os.getuid(),
  }


def send_many(sender, count, size):
  message = "x" * size
  for _ in range(count):
    sender.send(message)


@mitogen.core.takes_econtext
def receive_many(sender, count, econtext):
  receiver = mitogen.core.Receiver(econtext.router)
  sender.send(receiver.to_sender())
  for _ in range(count):
    receiver.get()
