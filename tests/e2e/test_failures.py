"""Each way a connection can fail has its code, its phase and its hop."""

import os
import signal

from fixtures import cases
from fixtures import cli
from fixtures import codes
from fixtures import paths
from fixtures import poll
from fixtures import ports
from fixtures import processes
from fixtures import recorded
from fixtures import relay
from fixtures import sshd

# A failure needs no waiting; this only tells a failure from a hang.
PROMPT_S = 20


class ConnectFailureTest(cases.Case):
  """The other end is no SSH server, or not there."""

  def greet_port(self, port, *flags, transport="libssh2"):
    known = self.work.write("known_hosts", "")
    self.target = f"ssh:guest@127.0.0.1:{port}"
    return self.greet(self.target, "-F", self.work.write("config", ""),
                      "--known-hosts", known, "--ssh-transport", transport,
                      *flags)

  def fails(self, port, phases):
    for transport in ("libssh2", "openssh", "auto"):
      for _ in range(2):
        result = self.greet_port(port, transport=transport)
        self.assert_fails(result, "UNAVAILABLE", hop=self.target,
                          phases=phases, within_s=PROMPT_S)

  def test_a_refused_connection(self):
    port = self.until_end(ports.Refusing()).port
    self.fails(port, ("connect",))
    self.assertRegex(self.greet_port(port).err, r"(?i)refused")

  def test_a_server_that_closes_at_once(self):
    self.fails(self.until_end(relay.Relay(greeting=b"")).port,
               ("connect", "key exchange"))

  def test_a_server_that_speaks_http(self):
    answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
    self.fails(self.until_end(relay.Relay(greeting=answer)).port,
               ("connect", "key exchange"))

  def test_a_server_that_answers_binary_garbage(self):
    garbage = bytes(range(256)) * 400
    self.fails(self.until_end(relay.Relay(greeting=garbage)).port,
               ("connect", "key exchange"))

  def test_a_server_that_greets_and_then_sends_garbage(self):
    garbage = b"SSH-2.0-garbage\r\n" + b"\xff" * 100000
    self.fails(self.until_end(relay.Relay(greeting=garbage)).port,
               ("key exchange",))

  def test_a_server_of_ssh_version_1(self):
    self.fails(self.until_end(relay.Relay(greeting=b"SSH-1.5-old\r\n")).port,
               ("connect", "key exchange"))


class EndOfStreamTest(cases.Case):
  """The connection ends at every point at which a working one could."""

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def greet_through(self, port, known, transport):
    return self.greet(self.server.target(port=port),
                      *self.server.flags(known_hosts=known),
                      "--ssh-transport", transport)

  def cut_everywhere(self, transport):
    """Cuts at every point; returns the phases named, in order."""
    limits = recorded.points(
        lambda port, known: self.assert_greets(
            self.greet_through(port, known, transport)),
        self.server, self.work)
    phases = []
    for limit in limits:
      with self.subTest(transport=transport, server_bytes=limit):
        cutting = relay.Relay(self.server.port, cut_after=limit)
        result = self.greet_through(
            cutting.port,
            recorded.known_to(self.server, cutting.port, self.work), transport)
        cutting.close()
        if result.status == 0:  # The reply was already there.
          self.assert_greets(result)
          continue
        self.assert_fails(result, "UNAVAILABLE", phases=codes.PHASES,
                          hop=self.server.target(port=cutting.port),
                          within_s=PROMPT_S)
        phases.append(self.phase(result))
    return phases

  def test_libssh2_names_each_phase_in_order(self):
    phases = self.cut_everywhere("libssh2")
    self.assertEqual(phases, sorted(phases, key=codes.PHASES.index))
    for phase in ("key exchange", "authentication"):
      self.assertIn(phase, phases)
    self.assertTrue({"channel", "exec"} & set(phases), phases)
    self.assertTrue({"first stage", "handshake"} & set(phases), phases)

  def test_openssh_names_a_phase(self):
    self.assertTrue(self.cut_everywhere("openssh"))


class LostContextTest(cases.Case):
  """The target dies while a call runs."""

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def lose(self, target, *flags, victims):
    """Starts a call that waits, kills `victims()`, returns the Result."""
    self.require_programs()
    process = self.cli.start(
        "call", target, "probe.v1.Probe/Echo", '{"waitMs":"60000"}',
        "--module", paths.PROBE, *flags)
    try:
      for victim in poll.until(lambda: victims(process.pid),
                               "the call to run", 30):
        os.kill(victim.pid, signal.SIGKILL)
      out, err = process.communicate(timeout=PROMPT_S)
    finally:
      process.kill()
      process.wait()
    return cli.Result(process.args, process.returncode, out.decode(),
                      err.decode(), 0)

  def test_the_ssh_session_is_killed(self):
    def sessions(_):
      running = processes.images_without_a_file(self.server.pid)
      return len(running) >= 2 and [
          p for p in self.server.sessions() if p.name == "sshd"]
    for transport in ("libssh2", "openssh"):
      result = self.lose(self.server.target(), *self.server.flags(),
                         "--ssh-transport", transport, victims=sessions)
      self.assert_fails(result, "UNAVAILABLE", phases=("call", ""),
                        hop=self.server.target())

  def test_the_agent_is_killed(self):
    def agent(_):
      running = processes.images_without_a_file(self.server.pid)
      parents = {p.ppid for p in running}
      return [p for p in running if p.pid in parents]
    result = self.lose(self.server.target(), *self.server.flags(),
                       victims=agent)
    self.assert_fails(result, "UNAVAILABLE", hop=self.server.target())

  def test_the_module_is_killed(self):
    def module(_):
      running = processes.images_without_a_file(self.server.pid)
      pids = {p.pid for p in running}
      return [p for p in running if p.ppid in pids]
    result = self.lose(self.server.target(), *self.server.flags(),
                       victims=module)
    self.assert_fails(result, "UNAVAILABLE", text="SIGKILL")

  def test_a_local_agent_is_killed(self):
    def agent(cli_pid):
      running = processes.images_without_a_file(cli_pid)
      parents = {p.ppid for p in running}
      return [p for p in running if p.pid in parents]
    result = self.lose("local:", victims=agent)
    self.assert_fails(result, "UNAVAILABLE", hop="local:")


@cases.needs_root
class FirstStageFailureTest(cases.Case):
  """The remote command does something else than it was asked to."""

  def server(self, script, name="wrapper"):
    wrapper = self.work.write(name, "#!/bin/sh\n" + script + "\n", 0o755)
    return self.own(sshd.SshServer(self.work, f"sshd-{name}",
                                   config=[f"ForceCommand {wrapper}"]))

  def fails(self, script, code, text="", phases=("first stage",)):
    server = self.server(script)
    for transport in ("libssh2", "openssh"):
      for _ in range(2):
        result = self.greet(server.target(), *server.flags(),
                            "--ssh-transport", transport)
        self.assert_fails(result, code, phases=phases, hop=server.target(),
                          text=text, within_s=PROMPT_S)
    return server

  def test_it_ends_with_a_status_and_last_words(self):
    self.fails("for i in 1 2 3 4 5; do echo line $i >&2; done\n"
               "echo the disk is on fire >&2; exit 37",
               ("UNAVAILABLE", "FAILED_PRECONDITION"),
               text=r"(?s)(?=.*\b37\b)(?=.*the disk is on fire)")

  def test_it_ends_without_a_word(self):
    self.fails("exit 0", ("UNAVAILABLE", "FAILED_PRECONDITION"))

  def test_it_is_killed_by_a_signal(self):
    self.fails("kill -9 $$", ("UNAVAILABLE", "FAILED_PRECONDITION"),
               text=r"KILL|137|signal 9")

  def test_it_prints_garbage_and_ends(self):
    self.fails("head -c 5000 /dev/urandom; exit 0",
               ("UNAVAILABLE", "FAILED_PRECONDITION", "DATA_LOSS"))

  def test_it_prints_garbage_for_ever(self):
    self.fails("exec yes garbage",
               ("UNAVAILABLE", "FAILED_PRECONDITION", "DATA_LOSS",
                "RESOURCE_EXHAUSTED"))

  def test_it_complains_for_ever(self):
    server = self.server("exec yes complaint >&2")
    result = self.greet(server.target(), *server.flags(), "--deadline", "3s")
    self.assert_fails(result,
                      ("DEADLINE_EXCEEDED", "UNAVAILABLE",
                       "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED"),
                      phases=("first stage",), within_s=PROMPT_S)
    self.assertLess(len(result.err), 100_000)

  def test_the_answer_is_cut_short(self):
    for length in (1, 8, 20, 40, 60):
      with self.subTest(length=length):
        server = self.server(
            f'/bin/sh -c "$SSH_ORIGINAL_COMMAND" | head -c {length}',
            f"cut{length}")
        result = self.greet(server.target(), *server.flags(),
                            "--ssh-transport", "libssh2")
        self.assert_fails(result, ("UNAVAILABLE", "FAILED_PRECONDITION",
                                   "DATA_LOSS"),
                          phases=("first stage", "handshake", "call"),
                          hop=server.target(), within_s=PROMPT_S)

  def test_what_was_sent_is_echoed_back(self):
    # An echo has no marker and no end: only a deadline tells.
    server = self.server("exec cat", "echo")
    result = self.greet(server.target(), *server.flags(), "--deadline", "3s")
    self.assert_fails(result, ("UNAVAILABLE", "DEADLINE_EXCEEDED"),
                      phases=("connect", "first stage"), hop=server.target(),
                      within_s=PROMPT_S)

  def test_the_server_allows_no_session(self):
    server = self.own(sshd.SshServer(self.work, config=["MaxSessions 0"]))
    for transport in ("libssh2", "openssh"):
      result = self.greet(server.target(), *server.flags(),
                          "--ssh-transport", transport)
      self.assert_fails(result, ("UNAVAILABLE", "FAILED_PRECONDITION",
                                 "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"),
                        # The ssh binary says no more than that it is over.
                        phases=("channel", "exec") if transport == "libssh2"
                        else ("key exchange", "exec"),
                        hop=server.target(), within_s=PROMPT_S)

  def test_sftp_only_accounts(self):
    server = self.own(sshd.SshServer(
        self.work, config=["ForceCommand internal-sftp"]))
    result = self.greet(server.target(), *server.flags(), "--deadline", "5s")
    self.assert_fails(result, ("UNAVAILABLE", "FAILED_PRECONDITION",
                               "DATA_LOSS", "DEADLINE_EXCEEDED"),
                      phases=("exec", "first stage"), hop=server.target(),
                      within_s=PROMPT_S)


@cases.needs_root
class ForeignPlatformTest(cases.Case):

  def foreign(self, kernel, machine):
    fake = self.work.write(f"uname-{machine}", f"""#!/bin/sh
case "$*" in
  -m) echo {machine};;
  -s|"") echo {kernel};;
  *m*s*|*s*m*) echo {kernel} {machine};;
  *) echo {kernel} host 6.1.0 {machine};;
esac
""", 0o755)
    return self.own(sshd.SshServer(
        self.work, f"sshd-{machine}",
        mount_lines=[f"mount --bind {fake} /usr/bin/uname"]))

  def test_a_platform_without_an_agent_is_named(self):
    for kernel, machine in (("Linux", "riscv64"), ("Linux", "mips"),
                            ("FreeBSD", "amd64"), ("Darwin", "arm64")):
      server = self.foreign(kernel, machine)
      before = server.scratch_files()
      for transport in ("libssh2", "openssh"):
        for _ in range(2):
          result = self.greet(server.target(), *server.flags(),
                              "--ssh-transport", transport)
          self.assert_fails(result, "FAILED_PRECONDITION",
                            phases=("first stage", "handshake"),
                            hop=server.target(),
                            text=f"(?s)(?=.*{kernel})(?=.*{machine})",
                            within_s=PROMPT_S)
      self.assertEqual(before, server.scratch_files())
