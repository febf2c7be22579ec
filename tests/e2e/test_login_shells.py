"""Login shells of every kind, and what they print before our command."""

from fixtures import cases
from fixtures import sshd
from fixtures import users

NOISE_BYTES = 100_000


@cases.needs_root
class LoginShellTest(cases.Case):

  @classmethod
  def prepare(cls):
    ash = cls.shared.folder("shells") / "ash"
    ash.symlink_to("/bin/busybox")
    cls.users = {
        "dash": users.User("dash", "/bin/dash"),
        "bash": users.User("bash", "/bin/bash"),
        "ash": users.User("ash", str(ash)),
        "fish": users.User("fish", "/usr/bin/fish"),
    }
    cls.server = cls.serve(
        sshd.SshServer(cls.shared, users=list(cls.users.values())))

  def greet_as(self, shell, *flags):
    user = self.users[shell]
    reply = self.assert_greets(self.greet(
        self.server.target(user), *self.server.flags(), *flags))
    self.assertEqual(user.id, int(reply["uid"]))

  def greet_twice_with_both_transports(self, shell):
    for transport in ("libssh2", "openssh"):
      for _ in range(2):
        self.greet_as(shell, "--ssh-transport", transport)

  def noise(self, shell, name, text):
    user = self.users[shell]
    path = self.shared.write(f"sshd/home/{shell}/{name}", text)
    for folder in (path, *path.parents):
      if folder.name == shell:
        break
      users.give(user, folder)
    self.addCleanup(path.unlink)

  def test_dash(self):
    self.greet_twice_with_both_transports("dash")

  def test_bash(self):
    self.greet_twice_with_both_transports("bash")

  def test_busybox_ash(self):
    self.greet_twice_with_both_transports("ash")

  def test_fish(self):
    self.greet_twice_with_both_transports("fish")

  def test_bash_whose_rc_file_prints_100_kb(self):
    self.noise("bash", ".bashrc", (
        f"head -c {NOISE_BYTES} /dev/zero | tr '\\0' 'm'\n"
        f"head -c {NOISE_BYTES} /dev/zero | tr '\\0' 'e' >&2\n"))
    self.greet_twice_with_both_transports("bash")

  def test_fish_whose_configuration_prints_100_kb(self):
    self.noise("fish", ".config/fish/config.fish", (
        f"head -c {NOISE_BYTES} /dev/zero | tr '\\0' 'm'\n"))
    self.greet_twice_with_both_transports("fish")

  def test_an_ssh_rc_file_that_prints_100_kb_of_lines(self):
    self.noise("dash", ".ssh/rc",
               f"yes 'Authorised users only' | head -c {NOISE_BYTES}\n")
    self.greet_twice_with_both_transports("dash")

  def test_an_rc_file_that_prints_random_bytes(self):
    self.noise("dash", ".ssh/rc", f"head -c {NOISE_BYTES} /dev/urandom\n")
    for _ in range(5):
      self.greet_as("dash")

  def test_an_rc_file_that_echoes_our_command(self):
    # What is sent may come back: it must not be taken for the answer.
    self.noise("bash", ".bashrc", "set -v -x\n")
    self.greet_twice_with_both_transports("bash")

  def test_a_restrictive_umask(self):
    self.noise("bash", ".bashrc", "umask 777\n")
    self.greet_twice_with_both_transports("bash")

  def test_an_rc_file_with_aliases_and_functions(self):
    self.noise("bash", ".bashrc", (
        "shopt -s expand_aliases\n"
        "alias head='echo no' cat='echo no' rm='rm -i' mkdir='echo no'\n"
        "dd() { echo no; }; export -f dd\n"))
    self.greet_as("bash")

  def test_a_shell_that_refuses_logins_is_an_error_with_its_words(self):
    server = self.own(sshd.SshServer(
        self.work, users=[users.User("locked", "/usr/sbin/nologin")]))
    for transport in ("libssh2", "openssh"):
      result = self.greet(server.target(), *server.flags(),
                          "--ssh-transport", transport)
      self.assert_fails(result, ("UNAVAILABLE", "FAILED_PRECONDITION"),
                        phases=("exec", "first stage"), hop=server.target(),
                        text=r"(?i)not available|exit.*\b1\b")


class BannerTest(cases.Case):

  @classmethod
  def prepare(cls):
    banner = cls.shared.write("banner", ("=" * 99 + "\n") * 1000)
    cls.server = cls.serve(sshd.SshServer(cls.shared,
                                          config=[f"Banner {banner}"]))

  def test_a_banner_of_100_kb_before_authentication(self):
    for transport in ("openssh", "auto"):
      for _ in range(2):
        self.assert_greets(self.greet(
            self.server.target(), *self.server.flags(), "--ssh-transport",
            transport))


@cases.needs_root
class WrapperTest(cases.Case):
  """Servers that run every command through a wrapper."""

  def server(self, name, script):
    wrapper = self.work.write(
        name, f'#!/bin/sh\n{script}\nexec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n',
        0o755)
    return self.own(sshd.SshServer(self.work, f"sshd-{name}",
                                   config=[f"ForceCommand {wrapper}"]))

  def test_a_wrapper_that_prints_100_kb_on_both_streams(self):
    server = self.server("noise", (
        f"yes 'Message of the day' | head -c {NOISE_BYTES}\n"
        f"yes 'Message of the day' | head -c {NOISE_BYTES} >&2"))
    for transport in ("libssh2", "openssh"):
      for _ in range(2):
        self.assert_greets(self.greet(server.target(), *server.flags(),
                                      "--ssh-transport", transport))

  def test_a_wrapper_that_limits_descriptors_to_32(self):
    server = self.server("limit", "ulimit -n 32")
    for target in (server.target(), server.target() + "/local:"):
      for _ in range(2):
        self.assert_greets(self.greet(target, *server.flags()))

  def test_a_wrapper_that_empties_the_environment(self):
    server = self.server("env", (
        'exec env -i PATH="$PATH" /bin/sh -c "$SSH_ORIGINAL_COMMAND"'))
    self.assert_greets(self.greet(server.target(), *server.flags()))
