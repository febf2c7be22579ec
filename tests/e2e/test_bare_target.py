"""Targets that have next to nothing: BusyBox, one small tmpfs, no /proc."""

import base64
import os

from fixtures import busybox_root
from fixtures import cases
from fixtures import mounts
from fixtures import sshd
from fixtures import users


class _Target(cases.Case):

  def chroot(self, config=(), **options):
    """A server whose users live in a BusyBox root."""
    return self.own(sshd.SshServer(
        self.work, mount_lines=busybox_root.mount_lines(**options),
        users=[users.User("guest", "/bin/sh", home="/")],
        config=[f"ChrootDirectory {busybox_root.PATH}", *config]))

  def files(self, server):
    """What lies in the root's writable places."""
    root = server.inside(busybox_root.PATH)
    found = []
    for place in ("run", "mnt", "home", "tmp", "dev"):
      for folder, folders, names in os.walk(root / place):
        found += [os.path.join(folder, n) for n in folders + names]
    return sorted(found)

  def greet_twice(self, server, target=None):
    before = self.files(server)
    for transport in ("libssh2", "openssh"):
      for _ in range(2):
        reply = self.assert_greets(self.greet(
            target or server.target(), *server.flags(), "--ssh-transport",
            transport))
        self.assertEqual(server.user.id, int(reply["uid"]))
    self.assertEqual(before, self.files(server))


@cases.needs_root
class BareTargetTest(_Target):

  def test_busybox_only_with_a_tmpfs_on_run(self):
    self.greet_twice(self.chroot())

  def test_busybox_only_without_proc(self):
    self.greet_twice(self.chroot(proc=False))

  def test_busybox_only_with_a_tmpfs_on_dev_shm(self):
    self.greet_twice(self.chroot(writable="/dev/shm"))

  def test_busybox_only_with_a_tmpfs_on_tmp_and_no_proc(self):
    self.greet_twice(self.chroot(writable="/tmp", proc=False))

  def test_busybox_only_with_a_tmpfs_at_an_unusual_place(self):
    self.greet_twice(self.chroot(writable="/mnt/x"))

  def test_a_local_context_below_a_bare_target(self):
    for proc in (True, False):
      server = self.own(sshd.SshServer(
          self.work, f"sshd-{proc}",
          mount_lines=busybox_root.mount_lines(proc=proc),
          users=[users.User("guest", "/bin/sh", home="/")],
          config=[f"ChrootDirectory {busybox_root.PATH}"]))
      self.greet_twice(server, server.target() + "/local:")

  def test_busybox_only_with_32_descriptors_and_no_proc(self):
    self.greet_twice(self.chroot(
        proc=False, files=[busybox_root.wrapper("ulimit -n 32")],
        config=["ForceCommand /bin/wrapper"]))

  def test_busybox_only_with_100_kb_before_the_marker(self):
    self.greet_twice(self.chroot(
        files=[busybox_root.wrapper(
            "yes 'Message of the day' | head -c 100000")],
        config=["ForceCommand /bin/wrapper"]))

  def test_1_mib_each_way(self):
    server = self.chroot(proc=False)
    payload = base64.b64encode(os.urandom(1 << 20)).decode()
    for _ in range(2):
      result = self.call(server.target(), "probe.v1.Probe/Echo", "-",
                         *server.flags(), input=f'{{"payload":"{payload}"}}')
      self.assertEqual(payload, self.assert_succeeds(result)["payload"])

  def test_a_crash_of_a_module_is_named(self):
    server = self.chroot(proc=False)
    result = self.call(server.target(), "probe.v1.Probe/Crash",
                       {"signal": 11}, *server.flags())
    self.assert_fails(result, "UNAVAILABLE", phases=("call", ""),
                      text="SIGSEGV")


@cases.needs_root
class TargetWithoutTest(_Target):
  """What is missing is named, with the remote's own words."""

  def fails(self, server, phases, text):
    before = self.files(server)
    for transport in ("libssh2", "openssh"):
      for _ in range(2):
        result = self.greet(server.target(), *server.flags(),
                            "--ssh-transport", transport)
        self.assert_fails(result, ("UNAVAILABLE", "FAILED_PRECONDITION"),
                          phases=phases, hop=server.target(), text=text)
    self.assertEqual(before, self.files(server))

  def test_a_shell(self):
    self.fails(self.chroot(without=("sh",)), ("exec", "first stage"),
               "No such file")

  def test_a_writable_place(self):
    self.fails(self.chroot(writable=""), ("first stage",),
               r"(?i)writ|read-only")

  def test_a_place_that_may_execute(self):
    self.fails(self.chroot(scratch_options="size=1m,noexec"),
               ("first stage",), r"(?i)exec|permission")

  def test_room_for_the_agent(self):
    self.fails(self.chroot(scratch_options="size=8k"), ("first stage",),
               r"(?i)space|writ")


@cases.needs_root
class MountedOddlyTest(cases.Case):
  """Full systems whose usual places cannot be used."""

  def greet_twice(self, *lines, user=None):
    server = self.own(sshd.SshServer(
        self.work, mount_lines=lines,
        users=[user or users.User("guest")]))
    before = server.scratch_files()
    for transport in ("libssh2", "openssh"):
      for _ in range(2):
        self.assert_greets(self.greet(server.target(), *server.flags(),
                                      "--ssh-transport", transport))
    self.assertEqual(before, server.scratch_files())

  def test_dev_shm_is_absent(self):
    self.greet_twice(*mounts.without_dev_shm())

  def test_tmp_is_noexec(self):
    self.greet_twice("mount -o remount,noexec /tmp")

  def test_dev_shm_is_noexec(self):
    self.greet_twice("mount -o remount,noexec /dev/shm")

  def test_dev_shm_is_absent_and_tmp_is_noexec(self):
    self.greet_twice(*mounts.without_dev_shm(), "mount -o remount,noexec /tmp")

  def test_dev_shm_is_full(self):
    self.greet_twice("mount -o remount,size=4k /dev/shm",
                     "head -c 4096 /dev/zero > /dev/shm/full")

  def test_proc_shows_no_other_process(self):
    self.greet_twice("mount -t proc -o hidepid=2 proc /proc")

  def test_proc_is_absent(self):
    self.greet_twice("mount -t tmpfs -o mode=755 e2e /proc")

  def test_the_home_folder_is_missing(self):
    self.greet_twice(user=users.User("guest", home="/nonexistent"))
