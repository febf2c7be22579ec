"""An agent whose parent is a case."""

import os
import socket

from fixtures import cases
from fixtures import paths
from fixtures import processes
from hostile import link
from hostile import wire

SELF = 5


class _Agent:
  """The agent's process, as the program of a Link."""

  def __init__(self, pid):
    self.pid = pid

  def close(self):
    os.waitpid(self.pid, 0)


class AgentCase(cases.Case):
  """One agent, called ssh:web1, whose parent is `link`, the case's."""

  # Hello.module_locks, of an honest start.
  LOCKS = ""

  def setUp(self):
    super().setUp()
    if not os.path.exists(paths.AGENT):
      self.fail(f"not built: {paths.AGENT}")
    ours, theirs = socket.socketpair()
    # Its own image belongs on 3 and 4 (agent/own_image.h).
    pid = os.posix_spawn(
        paths.AGENT, [paths.AGENT], {"HOME": str(self.work.path)},
        file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
                      (os.POSIX_SPAWN_DUP2, theirs.fileno(), 1),
                      (os.POSIX_SPAWN_OPEN, 3, paths.AGENT, os.O_RDONLY, 0),
                      (os.POSIX_SPAWN_OPEN, 4, paths.AGENT, os.O_RDONLY, 0)])
    theirs.close()
    self.pid = pid
    processes.register(pid)
    fd = ours.detach()
    self.link = self.until_end(link.Link(_Agent(pid), fd, fd))
    self.link.id = wire.MASTER
    self.hello()

  def hello(self, *more):
    self.link.send(SELF, wire.HELLO, wire.message(
        (1, wire.VERSION), (2, SELF), (3, b"\0"), (4, 6), (5, 100),
        (6, "ssh:web1"), (7, "master"), (15, self.LOCKS), *more))
    self.link.wait_for(lambda f: f.handle == wire.HELLO, "hello")

  def load(self, image, **fields):
    self.link.send(SELF, wire.LOAD_MODULE, wire.load_module(image, **fields))

  def announce(self, image, **fields):
    self.link.send(SELF, wire.FORWARD_MODULE, wire.announcement(
        SELF, "evil", ["a.A"], image, **fields))

  def begin_call(self, service="a.A", timeout_us=0):
    handle = self.link.new_handle()
    self.link.send(SELF, wire.CALL_FUNCTION,
                   wire.part(wire.HEADERS, wire.message(
                       (1, f"/{service}/Any"), (2, timeout_us))) +
                   wire.part(wire.MESSAGE, wire.in_grpc(b"")) +
                   wire.part(wire.END), reply_to=handle)
    return handle

  def end_of(self, handle):
    """(code, text) that the call at `handle` ends with."""
    frame = self.link.wait_for(lambda f: f.handle == handle, "the call's end")
    self.assertTrue(frame.dead, frame)
    dead = wire.fields(frame.payload)
    return dead[1][0], dead[2][0].decode()

  def call(self):
    return self.end_of(self.begin_call())

  def assert_alive(self):
    self.assertTrue(self.link.barrier(SELF).dead)
    self.assertLess(processes.resident_kib(self.pid), 40 * 1024)
