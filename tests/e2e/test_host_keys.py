"""known_hosts: unknown, changed, accepted, and what each mode does."""

from fixtures import cases
from fixtures import keys
from fixtures import sshd

TRANSPORTS = ("libssh2", "openssh")


class HostKeyTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))
    cls.other_key = keys.generate(cls.shared.path / "other_host_key")

  def greet_with(self, known, *flags, transport="libssh2", server=None):
    server = server or self.server
    return self.greet(server.target(), *server.flags(known_hosts=known),
                      "--ssh-transport", transport, *flags)

  def refused(self, result):
    self.assert_fails(result, "FAILED_PRECONDITION", phases=("host key",),
                      hop=self.server.target())

  def changed(self):
    return self.work.write("changed", keys.known_hosts_line(
        self.server.port, self.other_key))

  def test_an_unknown_host_is_refused_by_default(self):
    for transport in TRANSPORTS:
      for known in (self.work.write("empty", ""), self.work.path / "missing"):
        for _ in range(2):
          self.refused(self.greet_with(known, transport=transport))
        self.assertEqual("", known.read_text() if known.exists() else "")

  def test_the_refusal_shows_the_fingerprint(self):
    result = self.greet_with(self.work.write("empty", ""))
    self.assertRegex(result.err, r"SHA256:[A-Za-z0-9+/]{43}")

  def test_strict_refuses_an_unknown_host(self):
    self.refused(self.greet_with(self.work.write("empty", ""),
                                 "--host-key-check", "strict"))

  def test_a_changed_key_is_refused_in_strict_and_accept_new(self):
    for transport in TRANSPORTS:
      for mode in ("strict", "accept-new"):
        known = self.changed()
        before = known.read_text()
        for _ in range(2):
          result = self.greet_with(known, "--host-key-check", mode,
                                   transport=transport)
          self.refused(result)
          self.assertRegex(result.err, r"(?i)changed|differ|mismatch")
        self.assertEqual(before, known.read_text())

  def test_accept_new_writes_the_key_once(self):
    for transport in TRANSPORTS:
      known = self.work.path / f"new-{transport}"
      for _ in range(2):
        self.assert_greets(self.greet_with(known, "--host-key-check",
                                           "accept-new", transport=transport))
      lines = known.read_text().splitlines()
      self.assertIn(keys.public(self.server.host_keys[0]).split()[1],
                    known.read_text())
      self.assertEqual(1, len(lines), lines)
      self.assert_greets(self.greet_with(known, "--host-key-check", "strict",
                                         transport=transport))

  def test_accept_new_keeps_what_the_file_held(self):
    known = self.work.write("held", "# a comment\nelsewhere " +
                            keys.public(self.other_key) + "\n")
    self.assert_greets(self.greet_with(known, "--host-key-check",
                                       "accept-new"))
    self.assertTrue(known.read_text().startswith("# a comment\nelsewhere "))

  def test_off_accepts_a_changed_key(self):
    for transport in TRANSPORTS:
      known = self.changed()
      before = known.read_text()
      self.assert_greets(self.greet_with(known, "--host-key-check", "off",
                                         transport=transport))
      self.assertEqual(before, known.read_text())

  def test_hashed_host_names_are_found(self):
    known = self.work.write("hashed", self.server.known_hosts.read_text())
    keys.hash_hosts(known)
    self.assertNotIn("127.0.0.1", known.read_text())
    for transport in TRANSPORTS:
      self.assert_greets(self.greet_with(known, transport=transport))

  def test_the_known_kind_of_key_is_asked_for(self):
    server = self.own(sshd.SshServer(
        self.work, "many", host_key_kinds=("rsa", "ecdsa", "ed25519")))
    for key in server.host_keys[1:]:
      known = self.work.write("one-kind",
                              keys.known_hosts_line(server.port, key))
      for transport in TRANSPORTS:
        self.assert_greets(self.greet_with(known, transport=transport,
                                           server=server))

  def test_a_revoked_key_is_refused(self):
    line = self.server.known_hosts.read_text()
    known = self.work.write("revoked", line + "@revoked " + line)
    for transport in TRANSPORTS:
      result = self.greet_with(known, transport=transport)
      self.assert_fails(result, "FAILED_PRECONDITION", phases=("host key",))
