"""The fixtures themselves, proven with the ssh binary instead of the CLI."""

import os
import subprocess
import sys

from fixtures import agent
from fixtures import busybox_root
from fixtures import cases
from fixtures import dropbear
from fixtures import mounts
from fixtures import ports
from fixtures import processes
from fixtures import relay
from fixtures import sshd
from fixtures import users


class SshServerFixtureTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def test_a_command_runs_and_no_session_stays(self):
    result = self.server.ssh("echo", "hello")
    self.assertEqual((0, b"hello\n"), (result.returncode, result.stdout),
                     result.stderr)

  def test_the_relay_passes_and_counts(self):
    passing = self.until_end(relay.Relay(self.server.port))
    result = self.server.ssh("head -c 100000 /dev/zero", port=passing.port)
    self.assertEqual(100000, len(result.stdout), result.stderr)
    self.assertGreater(passing.bytes(relay.TO_CLIENT), 100000)
    self.assertEqual(1, passing.connections)

  def test_the_relay_cuts(self):
    for limit in (0, 10, 1000, 5000):
      cutting = relay.Relay(self.server.port, cut_after=limit)
      result = self.server.ssh("head -c 100000 /dev/zero", port=cutting.port)
      cutting.close()
      self.assertEqual(255, result.returncode)
      self.assertTrue(cutting.limit_reached.is_set())

  def test_the_relay_stalls(self):
    stalling = self.until_end(
        relay.Relay(self.server.port, stall_after=1000))
    client = subprocess.Popen(
        ["ssh", "-F", "/dev/null", "-p", str(stalling.port), "127.0.0.1"],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    self.assertTrue(stalling.limit_reached.wait(10))
    self.assertIsNone(client.poll())
    client.kill()
    client.wait()

  def test_a_greeting_that_is_garbage_is_refused(self):
    garbage = self.until_end(relay.Relay(greeting=b"\0\1\2" * 1000))
    self.assertEqual(255, self.server.ssh("true", port=garbage.port).returncode)

  def test_a_process_that_detaches_is_found(self):
    found = processes.Leftovers()
    self.server.ssh("setsid sleep 60 >/dev/null 2>&1 </dev/null &")
    self.assertEqual(["sleep"], [p.name for p in found.wait(0.5)])
    found.kill()
    self.assertEqual([], found.wait())

  def test_the_agent_holds_the_key(self):
    holder = self.until_end(
        agent.SshAgent(self.work, [self.server.identity]))
    listed = subprocess.run(["ssh-add", "-l"], env=holder.environment(),
                            capture_output=True, text=True, check=True)
    self.assertIn("ED25519", listed.stdout)


class PortsFixtureTest(cases.Case):

  def test_a_refusing_port_refuses(self):
    port = self.until_end(ports.Refusing()).port
    self.assertFalse(ports.answers(port))

  def test_an_unanswering_port_stays_silent(self):
    port = self.until_end(ports.Unanswering()).port
    with self.assertRaises(subprocess.TimeoutExpired):
      subprocess.run(
          [sys.executable, "-c", "import socket;"
           f"socket.create_connection(('127.0.0.1', {port}))"], timeout=1,
          check=True)


@cases.needs_root
class PrivateServerFixtureTest(cases.Case):

  def ssh(self, server, command, **options):
    result = server.ssh(command, **options)
    return result.returncode, result.stdout.decode(), result.stderr.decode()

  def server(self, **options):
    return self.own(sshd.SshServer(self.work, **options))

  def test_the_account_exists_only_in_the_servers_namespace(self):
    server = self.server()
    status, out, _ = self.ssh(server, "id -un; pwd; ls -A /tmp /dev/shm")
    self.assertEqual(0, status)
    self.assertTrue(out.startswith(f"guest\n{server.user.home}\n"), out)
    with open("/etc/passwd", encoding="utf-8") as f:
      self.assertNotIn("guest:", f.read())

  def test_a_file_left_on_the_target_is_found(self):
    server = self.server()
    before = server.scratch_files()
    self.ssh(server, "touch /dev/shm/left /tmp/left; mkdir /var/tmp/left")
    self.assertEqual({"/dev/shm/left", "/tmp/left", "/var/tmp/left"},
                     server.scratch_files() - before)
    self.assertFalse(os.path.exists("/dev/shm/left"))

  def test_login_shells_are_what_they_say(self):
    ash = self.work.folder("shells") / "ash"
    ash.symlink_to("/bin/busybox")
    made = [users.User("dash", "/bin/dash"), users.User("bash", "/bin/bash"),
            users.User("ash", str(ash)), users.User("fish", "/usr/bin/fish")]
    server = self.server(users=made)
    for user, program in zip(made, ("dash", "bash", "busybox", "fish")):
      command = ("readlink /proc/$fish_pid/exe; true" if program == "fish" else
                 "readlink /proc/$$/exe; true")
      status, out, err = self.ssh(server, command, user=user)
      self.assertEqual((0, ""), (status, err))
      self.assertTrue(out.strip().endswith(program), (program, out))

  def test_the_busybox_root_is_read_only_with_one_small_tmpfs(self):
    for writable in ("/run", "/mnt/x", "/dev/shm"):
      lines = busybox_root.mount_lines(
          writable if writable != "/dev/shm" else "", proc=writable != "/run")
      server = self.server(
          name="bare" + writable.replace("/", "_"), mount_lines=lines,
          users=[users.User("guest", "/bin/sh", home="/")],
          config=[f"ChrootDirectory {busybox_root.PATH}"])
      status, out, err = self.ssh(
          server, "ls -d /proc /dev/shm /usr; gzip --help 2>&1 | head -n 1; "
          "for d in / /run /mnt/x /tmp; do "
          "touch $d/f 2>/dev/null && echo $d; done; cat /proc/self/comm")
      self.assertIn("BusyBox", out, err)
      self.assertEqual(writable != "/run", "/proc\n" in out, out + err)
      if writable != "/dev/shm":
        self.assertIn(f"\n{writable}\n", out)
      self.assertNotIn("\n/\n", out)
      self.assertNotIn("\n/tmp\n", out)

  def test_dev_shm_can_be_absent(self):
    server = self.server(mount_lines=mounts.without_dev_shm())
    status, out, err = self.ssh(
        server, "ls -d /dev/shm; head -c 3 /dev/zero | od -An -tx1")
    self.assertEqual((0, " 00 00 00\n"), (status, out), err)
    self.assertIn("/dev/shm", err)

  def test_a_wrapper_limits_descriptors(self):
    server = self.server(
        mount_lines=busybox_root.mount_lines(
            files=[busybox_root.wrapper("ulimit -n 32")]),
        users=[users.User("guest", "/bin/sh", home="/")],
        config=[f"ChrootDirectory {busybox_root.PATH}",
                "ForceCommand /bin/wrapper"])
    self.assertEqual((0, "32\n", ""), self.ssh(server, "ulimit -n"))

  def test_a_large_banner_and_rc_file_are_printed(self):
    banner = self.work.write("banner", "b" * 99 + "\n" * 1000)
    server = self.server(config=[f"Banner {banner}"])
    rc = self.work.write("sshd/home/guest/.ssh/rc",
                         "head -c 100000 /dev/zero | tr '\\0' r\n")
    users.give(server.user, rc.parent)
    _, out, err = self.ssh(server, "echo done",
                           options=["-o", "LogLevel=INFO"])
    self.assertEqual("r" * 100000 + "done\n", out)
    self.assertIn("b" * 99, err)

  def test_a_password_is_checked_by_sshd(self):
    for pam, method in ((False, "password"), (True, "keyboard-interactive")):
      server = self.server(
          name=method, pam=pam,
          users=[users.User("guest", password="sesame")],
          config=["PubkeyAuthentication no",
                  "PasswordAuthentication yes" if method == "password" else
                  "KbdInteractiveAuthentication yes"])
      for password, status in (("sesame", 0), ("wrong", 255)):
        answer = self.work.write(f"answer-{password}",
                                 f"#!/bin/sh\necho {password}\n", 0o755)
        result = subprocess.run(
            ["ssh", "-F", "/dev/null", "-o", "StrictHostKeyChecking=no",
             "-o", f"UserKnownHostsFile={server.known_hosts}",
             "-o", f"PreferredAuthentications={method}",
             "-o", "NumberOfPasswordPrompts=1",
             "-p", str(server.port), "guest@127.0.0.1", "true"],
            env={"SSH_ASKPASS": answer, "SSH_ASKPASS_REQUIRE": "force",
                 "PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL,
            capture_output=True, check=False)
        self.assertEqual(status, result.returncode, result.stderr)

  def test_dropbear_serves(self):
    server = self.own(dropbear.Dropbear(self.work))
    self.assertEqual((0, "guest\n", ""), self.ssh(server, "id -un"))

  def test_the_hosts_mounts_are_unchanged(self):
    def host():
      with open("/proc/self/mounts", encoding="utf-8") as f:
        return [l for l in f if "e2e" in l]
    self.server(mount_lines=busybox_root.mount_lines())
    self.assertEqual([], host())
