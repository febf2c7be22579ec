"""What ssh_config says is honoured, through -F."""

from fixtures import cases
from fixtures import keys
from fixtures import sshd


class SshConfigTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared, "web"))
    cls.bastion = cls.serve(sshd.SshServer(cls.shared, "bastion"))

  def host(self, alias, server, *lines):
    return "\n  ".join([
        f"Host {alias}", "HostName 127.0.0.1", f"Port {server.port}",
        f"User {server.user.name}", f"IdentityFile {server.identity}",
        "IdentitiesOnly yes", f"UserKnownHostsFile {server.known_hosts}",
        *lines]) + "\n"

  def config(self, *hosts):
    return self.work.write("config", "".join(hosts))

  def greet_host(self, target, config, *flags):
    for transport in ("auto", "openssh"):
      for _ in range(2):
        self.assert_greets(self.greet(target, "-F", config, "--ssh-transport",
                                      transport, *flags))

  def test_an_alias_with_everything_it_needs(self):
    self.greet_host("ssh:web", self.config(self.host("web", self.server)))

  def test_an_alias_is_served_by_libssh2(self):
    config = self.config(self.host("web", self.server))
    self.assert_greets(self.greet("ssh:web", "-F", config, "--ssh-transport",
                                  "libssh2"))

  def test_the_long_form_of_the_flag(self):
    config = self.config(self.host("web", self.server))
    self.assert_greets(self.greet("ssh:web", "--ssh-config", config))

  def test_the_target_outweighs_the_file(self):
    config = self.config(self.host("web", self.server).replace(
        f"User {self.server.user.name}", "User nobody-here").replace(
            f"Port {self.server.port}", "Port 1"))
    self.greet_host(f"ssh:{self.server.user.name}@web:{self.server.port}",
                    config)

  def test_a_wildcard_host(self):
    config = self.config(self.host("*", self.server))
    self.greet_host("ssh:anything", config)

  def test_host_key_alias(self):
    known = self.work.write(
        "aliased", "the-web " + keys.public(self.server.host_keys[0]) + "\n")
    config = self.config(self.host("web", self.server).replace(
        str(self.server.known_hosts), str(known)) + "  HostKeyAlias the-web\n")
    self.greet_host("ssh:web", config)

  def test_proxy_jump(self):
    config = self.config(
        self.host("web", self.server, "ProxyJump bastion"),
        self.host("bastion", self.bastion))
    before = self.bastion.log().count("Accepted publickey")
    self.greet_host("ssh:web", config)
    self.assertEqual(4, self.bastion.log().count("Accepted publickey") - before)

  def test_proxy_command(self):
    config = self.config(self.host(
        "web", self.server,
        f"ProxyCommand ssh -F {self.work.path}/jump -W %h:%p bastion"))
    self.work.write("jump", self.host("bastion", self.bastion))
    self.greet_host("ssh:web", config)

  def test_strict_host_key_checking_of_the_file(self):
    empty = self.work.write("empty", "")
    host = self.host("web", self.server).replace(
        str(self.server.known_hosts), str(empty))
    result = self.greet("ssh:web", "-F", self.config(host))
    self.assert_fails(result, "FAILED_PRECONDITION", phases=("host key",),
                      hop="ssh:web")
    self.greet_host("ssh:web",
                    self.config(host + "  StrictHostKeyChecking accept-new\n"))

  def test_a_file_with_an_error_is_named(self):
    config = self.config("Host web\n  NoSuchKeyword yes\n")
    result = self.greet("ssh:web", "-F", config)
    self.assert_fails(result, ("INVALID_ARGUMENT", "FAILED_PRECONDITION",
                               "UNAVAILABLE"), text="(?i)nosuchkeyword")

  def test_a_file_that_is_missing_is_named(self):
    result = self.greet("ssh:web", "-F", self.work.path / "no-such-config")
    self.assert_fails(result, ("INVALID_ARGUMENT", "NOT_FOUND",
                               "FAILED_PRECONDITION", "UNAVAILABLE"),
                      text="no-such-config")

  def test_without_the_flag_the_users_own_files_count(self):
    # No assertion on what they say: the flags of the server outweigh them.
    server = self.server
    self.assert_greets(self.greet(server.target(), "-i", server.identity,
                                  "--known-hosts", server.known_hosts))
