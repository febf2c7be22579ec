"""Ways into an SSH server: keys, agent, passwords, and being refused."""

import os
import shutil

from fixtures import agent
from fixtures import askpass
from fixtures import cases
from fixtures import dropbear
from fixtures import keys
from fixtures import sshd
from fixtures import users

TRANSPORTS = ("libssh2", "openssh")


class KeyAuthTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def greet_with(self, *flags, transport, identity=None, env=None):
    """Calls with `identity` only, or with no key file at all."""
    known = ["--known-hosts", self.server.known_hosts]
    config = self.work.write("config", "Host *\n  IdentityFile none\n")
    key = ["-i", identity] if identity else []
    return self.greet(self.server.target(), "-F", config, *known, *key,
                      "--ssh-transport", transport, *flags, env=env)

  def rejected(self, result):
    self.assert_fails(result, "UNAUTHENTICATED", phases=("authentication",),
                      hop=self.server.target())

  def test_a_key_that_the_server_does_not_know_is_rejected(self):
    wrong = keys.generate(self.work.path / "wrong")
    for transport in TRANSPORTS:
      for _ in range(2):
        self.rejected(self.greet_with(transport=transport, identity=wrong))

  def test_no_key_at_all_is_rejected(self):
    for transport in TRANSPORTS:
      self.rejected(self.greet_with(transport=transport))

  def test_an_unknown_account_is_rejected(self):
    for transport in TRANSPORTS:
      target = f"ssh:nobody-here@127.0.0.1:{self.server.port}"
      result = self.greet(target, *self.server.flags(), "--ssh-transport",
                          transport)
      self.assert_fails(result, "UNAUTHENTICATED", phases=("authentication",),
                        hop=target)

  def test_a_key_file_that_is_missing_is_named(self):
    for transport in TRANSPORTS:
      result = self.greet_with(transport=transport,
                               identity=self.work.path / "no-such-key")
      self.assert_fails(result, ("UNAUTHENTICATED", "NOT_FOUND",
                                 "INVALID_ARGUMENT"), text="no-such-key")

  def test_a_key_held_by_ssh_agent(self):
    holder = self.until_end(agent.SshAgent(self.work, [self.server.identity]))
    for transport in TRANSPORTS:
      for _ in range(2):
        self.assert_greets(self.greet_with(
            transport=transport, env={"SSH_AUTH_SOCK": str(holder.socket)}))

  def test_the_right_key_among_three_of_ssh_agent(self):
    wrong = [keys.generate(self.work.path / f"wrong{i}") for i in (1, 2)]
    holder = self.until_end(
        agent.SshAgent(self.work, [*wrong, self.server.identity]))
    for transport in TRANSPORTS:
      self.assert_greets(self.greet_with(
          transport=transport, env={"SSH_AUTH_SOCK": str(holder.socket)}))

  def test_a_key_file_is_used_when_ssh_agent_has_only_wrong_ones(self):
    wrong = keys.generate(self.work.path / "wrong")
    holder = self.until_end(agent.SshAgent(self.work, [wrong]))
    for transport in TRANSPORTS:
      self.assert_greets(self.greet_with(
          transport=transport, identity=self.server.identity,
          env={"SSH_AUTH_SOCK": str(holder.socket)}))

  def test_an_ssh_agent_that_is_gone_does_no_harm(self):
    for transport in TRANSPORTS:
      self.assert_greets(self.greet_with(
          transport=transport, identity=self.server.identity,
          env={"SSH_AUTH_SOCK": str(self.work.path / "gone.sock")}))

  def test_an_encrypted_key_asks_for_its_passphrase(self):
    key = keys.generate(self.work.path / "locked", passphrase="open sesame")
    self.server.authorize(key)
    for transport in TRANSPORTS:
      for _ in range(2):
        self.assert_greets(self.greet_with(
            transport=transport, identity=key,
            env=askpass.answering(self.work, "open sesame")))
    self.assertIn("locked", (self.work.path / "prompts").read_text())

  def test_a_wrong_passphrase_is_rejected_and_not_shown(self):
    key = keys.generate(self.work.path / "locked", passphrase="open sesame")
    self.server.authorize(key)
    for transport in TRANSPORTS:
      result = self.greet_with(transport=transport, identity=key,
                               env=askpass.answering(self.work, "Xwrong"))
      self.rejected(result)
      self.assertNotIn("Xwrong", result.err)

  def test_an_encrypted_key_and_nobody_to_ask_is_rejected(self):
    key = keys.generate(self.work.path / "locked", passphrase="open sesame")
    self.server.authorize(key)
    for transport in TRANSPORTS:
      self.rejected(self.greet_with(transport=transport, identity=key))

  def test_ecdsa_keys(self):
    key = keys.generate(self.work.path / "id_ecdsa", "ecdsa")
    self.server.authorize(key)
    for transport in TRANSPORTS:
      self.assert_greets(self.greet_with(transport=transport, identity=key))

  def test_rsa_keys_are_served_by_the_ssh_binary(self):
    key = keys.generate(self.work.path / "id_rsa", "rsa")
    self.server.authorize(key)
    for transport in ("openssh", "auto"):
      self.assert_greets(self.greet_with(transport=transport, identity=key))

  def test_certificates_are_served_by_the_ssh_binary(self):
    authority = keys.generate(self.work.path / "authority")
    server = self.own(sshd.SshServer(
        self.work, "certified", config=[f"TrustedUserCAKeys {authority}.pub"]))
    key = keys.generate(self.work.path / "id_certified")
    keys.certify(authority, key, server.user.name)
    for transport in ("openssh", "auto"):
      self.assert_greets(self.greet(
          server.target(), *server.flags(identity=key), "--ssh-transport",
          transport))


class HardenedServerTest(cases.Case):
  """Servers that offer nothing of what libssh2 1.10 has."""

  CONFIGS = {
      "ciphers": ["Ciphers chacha20-poly1305@openssh.com,"
                  "aes256-gcm@openssh.com"],
      "macs": ["Ciphers aes256-ctr",
               "MACs hmac-sha2-512-etm@openssh.com"],
      "kex": ["KexAlgorithms sntrup761x25519-sha512@openssh.com"],
  }

  def test_auto_takes_the_ssh_binary(self):
    for name, config in self.CONFIGS.items():
      with self.subTest(name):
        server = self.own(sshd.SshServer(self.work, name, config=config))
        for transport in ("auto", "openssh"):
          for _ in range(2):
            self.assert_greets(self.greet(
                server.target(), *server.flags(), "--ssh-transport",
                transport))

  def test_libssh2_alone_says_why_not(self):
    for name, config in self.CONFIGS.items():
      with self.subTest(name):
        server = self.own(sshd.SshServer(self.work, name, config=config))
        result = self.greet(server.target(), *server.flags(),
                            "--ssh-transport", "libssh2")
        self.assert_fails(result, ("FAILED_PRECONDITION", "UNAVAILABLE"),
                          phases=("key exchange",), hop=server.target())


@cases.needs_root
class PasswordAuthTest(cases.Case):

  def greet_with(self, server, *answers, transport):
    config = self.work.write("config", "Host *\n  IdentityFile none\n")
    env = askpass.answering(self.work, *answers) if answers else None
    return self.greet(server.target(), "-F", config, "--known-hosts",
                      server.known_hosts, "--ssh-transport", transport,
                      env=env)

  def sshd_with(self, name, *config, pam=False):
    return self.own(sshd.SshServer(
        self.work, name, pam=pam, config=list(config),
        users=[users.User("guest", password="open sesame")]))

  def served(self, server):
    for transport in TRANSPORTS:
      for _ in range(2):
        # The answers are counted in a file: each call starts anew.
        (self.work.path / "askpass.count").unlink(missing_ok=True)
        self.assert_greets(self.greet_with(server, "open sesame",
                                           transport=transport))

  def refused(self, server):
    for transport in TRANSPORTS:
      result = self.greet_with(server, "Xwrong", transport=transport)
      self.assert_fails(result, "UNAUTHENTICATED", phases=("authentication",),
                        hop=server.target())
      self.assertNotIn("Xwrong", result.err)
      result = self.greet_with(server, transport=transport)
      self.assert_fails(result, "UNAUTHENTICATED", phases=("authentication",))

  def test_a_password_of_sshd(self):
    server = self.sshd_with("password", "PasswordAuthentication yes",
                            "PubkeyAuthentication no")
    self.served(server)
    self.refused(server)

  def test_keyboard_interactive_of_sshd(self):
    server = self.sshd_with("interactive", "KbdInteractiveAuthentication yes",
                            "PubkeyAuthentication no", pam=True)
    self.served(server)
    self.refused(server)

  def test_a_password_of_dropbear(self):
    server = self.own(dropbear.Dropbear(
        self.work, users=[users.User("guest", password="open sesame")]))
    self.served(server)
    self.refused(server)

  def test_a_key_and_then_a_password(self):
    server = self.sshd_with(
        "both", "PasswordAuthentication yes",
        "AuthenticationMethods publickey,password")
    for transport in TRANSPORTS:
      self.assert_greets(self.greet(
          server.target(), *server.flags(), "--ssh-transport", transport,
          env=askpass.answering(self.work, "open sesame")))


@cases.needs_root
class DropbearTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(dropbear.Dropbear(cls.shared))

  def test_says_hello_twice(self):
    before = self.server.scratch_files()
    for transport in TRANSPORTS:
      for _ in range(2):
        reply = self.assert_greets(self.greet(
            self.server.target(), *self.server.flags(), "--ssh-transport",
            transport))
        self.assertEqual(self.server.user.id, int(reply["uid"]))
    self.assertEqual(before, self.server.scratch_files())

  def test_a_wrong_key_is_rejected(self):
    wrong = keys.generate(self.work.path / "wrong")
    for transport in TRANSPORTS:
      result = self.greet(self.server.target(),
                          *self.server.flags(identity=wrong),
                          "--ssh-transport", transport)
      self.assert_fails(result, "UNAUTHENTICATED", phases=("authentication",),
                        hop=self.server.target())


class WithoutSshBinaryTest(cases.Case):
  """libssh2 needs no `ssh` program when no ssh_config is to be honoured."""

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def without_ssh(self):
    folder = self.work.folder("bin")
    for name in ("sh", "uname", "dd", "cat"):
      (folder / name).symlink_to(shutil.which(name))
    return {"PATH": str(folder)}

  def test_openssh_without_the_binary_is_a_clear_error(self):
    result = self.greet(self.server.target(), *self.server.flags(),
                        "--ssh-transport", "openssh", env=self.without_ssh())
    if os.path.exists("/usr/bin/ssh") and result.status == 0:
      self.assert_greets(result)  # Found by its usual path: as good.
    else:
      self.assert_fails(result, ("FAILED_PRECONDITION", "NOT_FOUND",
                                 "UNAVAILABLE"), text="ssh")

  def test_libssh2_says_hello(self):
    self.assert_greets(self.greet(
        self.server.target(), *self.server.flags(), "--ssh-transport",
        "libssh2", env=self.without_ssh()))
