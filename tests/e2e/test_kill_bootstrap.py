"""A connect at work is struck at the points at which one can be.

The points are recorded (fixtures/recorded.py): a relay holds the connection
there, the strike falls, the relay passes on. A connection that is cut at each
point is in test_failures.py, the master's death in test_leftovers.py.
"""

import os
import signal

from fixtures import cases
from fixtures import cli
from fixtures import codes
from fixtures import kill_tree
from fixtures import paths
from fixtures import poll
from fixtures import processes
from fixtures import recorded
from fixtures import relay
from fixtures import sshd

# Of the recorded points every so many-eth. How many there are depends on how the
# server's bytes came.
STEP = 3
# A connect has a limit of its own: heartbeats begin with the hello.
DEADLINE_S = 1


class KillBootstrapTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def flags(self, transport, port):
    known = recorded.known_to(self.server, port, self.work)
    return [*self.server.flags(known_hosts=known), "--ssh-transport",
            transport]

  def held(self, transport, deadline_s):
    """(relay, process) of a connect for each point at which it is held."""
    limits = recorded.points(
        lambda port, known: self.assert_greets(self.greet(
            self.server.target(port=port), *self.flags(transport, port))),
        self.server, self.work)
    for limit in limits[1::STEP]:
      holding = self.until_end(relay.Relay(self.server.port,
                                           stall_after=limit))
      process = self.cli.start(
          "call", self.server.target(port=holding.port),
          "demo.v1.Greeter/SayHello", '{"name":"Ada"}', "--module",
          paths.GREETER, *self.flags(transport, holding.port), "--deadline",
          f"{deadline_s}s")
      poll.until(lambda h=holding, p=process: h.limit_reached.is_set() or
                 p.poll() is not None, "the connection to be held",
                 kill_tree.HANG_S)
      with self.subTest(transport=transport, server_bytes=limit):
        yield holding, process

  def sessions(self, _):
    return [p.pid for p in self.server.sessions() if p.name == "sshd"]

  def ssh(self, process):
    return [p.pid for p in processes.descendants(process.pid)
            if p.name == "ssh"]

  def result(self, process):
    out, err = process.communicate(timeout=kill_tree.HANG_S)
    return cli.Result(process.args, process.returncode, out.decode(),
                      err.decode(), 0)

  def send(self, pids, number):
    for pid in pids:
      try:
        os.kill(pid, number)
      except ProcessLookupError:
        pass

  def check(self, process, code, port):
    """Whether the connect failed, as it should, or had its reply before."""
    result = self.result(process)
    if result.status == 0:
      self.assert_greets(result)
      return False
    self.assert_fails(result, code, phases=codes.PHASES,
                      hop=self.server.target(port=port))
    return True

  def kill(self, transport, victims):
    failed = 0
    for holding, process in self.held(transport, kill_tree.HANG_S):
      self.send(victims(process), signal.SIGKILL)
      holding.resume()
      failed += self.check(process, "UNAVAILABLE", holding.port)
    self.assertGreaterEqual(failed, 1)

  def stop(self, transport, victims):
    failed = 0
    for holding, process in self.held(transport, DEADLINE_S):
      stopped = victims(process)
      self.send(stopped, signal.SIGSTOP)
      holding.resume()
      failed += self.check(process, "DEADLINE_EXCEEDED", holding.port)
      self.send(stopped, signal.SIGCONT)
    self.assertGreaterEqual(failed, 1)

  def test_the_session_is_killed(self):
    self.kill("libssh2", self.sessions)
    self.kill("openssh", self.sessions)

  def test_the_session_is_stopped(self):
    self.stop("libssh2", self.sessions)
    self.stop("openssh", self.sessions)

  def test_ssh_is_killed(self):
    self.kill("openssh", self.ssh)

  def test_ssh_is_stopped(self):
    self.stop("openssh", self.ssh)

  def test_a_master_that_was_stopped_goes_on_where_it_was(self):
    for transport in ("libssh2", "openssh"):
      for holding, process in self.held(transport, kill_tree.HANG_S):
        # At the last points it may have ended already.
        self.send([process.pid], signal.SIGSTOP)
        holding.resume()
        self.send([process.pid], signal.SIGCONT)
        self.assert_greets(self.result(process))


class KillIntermediaryInBootstrapTest(cases.Case):
  """`local:` is struck while it connects to a child behind sshd."""

  def strike(self, number, why):
    server = self.own(sshd.SshServer(self.work))
    files = server.scratch_files()
    # What a connection through this hop has to pass.
    limits = recorded.points(
        lambda port, known: self.assert_greets(self.greet(
            server.target(port=port), *server.flags(known_hosts=known),
            "--ssh-transport", "openssh")), server, self.work)
    holding = [relay.Relay(server.port, stall_after=limit)
               for limit in limits[1::STEP]]
    known = self.work.write("known_all", "".join(
        server.known_hosts.read_text().replace(f":{server.port} ",
                                               f":{h.port} ")
        for h in holding))
    door = self.until_end(kill_tree.Door(
        self.work, self.cli, *server.flags(known_hosts=known)))
    for each in holding:
      self.until_end(each)
    most, failed = {}, 0
    for each in holding:
      target = f"local:/{server.target(port=each.port)}"
      waiting = door.start_echo(target)
      poll.until(each.limit_reached.is_set, "the connection to be held",
                 kill_tree.HANG_S)
      agent = door.pids()["local:"]
      ssh = processes.children(agent)
      with self.subTest(target=target):
        os.kill(agent, number)
        error = waiting.exception(timeout=kill_tree.HANG_S)
        if error is None:  # The reply was already there, as for later points.
          break
        failed += 1
        self.assertEqual("UNAVAILABLE", error.code().name)
        self.assertRegex(error.details(),
                         rf"context lost: local: \(phase call\): {why}")
        self.assertTrue(ssh)
        poll.until(lambda a=agent, s=ssh: all(map(
            processes.ended, [a, *s])), "local: and its ssh to end",
                   kill_tree.LOADED_S)
        each.cut()
        poll.until(lambda: not server.sessions(), "the session to end")
        kill_tree.check_descriptors(door, most)
        self.assertEqual(files, server.scratch_files())
    self.assertGreaterEqual(failed, 1)

  def test_kill(self):
    self.strike(signal.SIGKILL, r"the local agent was killed by signal 9")

  def test_stop(self):
    self.strike(signal.SIGSTOP, kill_tree.SILENT)
