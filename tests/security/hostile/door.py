"""Where hostile programs hand their links over to the case."""

import pathlib
import re
import shutil
import socket

from hostile import link

ACCEPT_S = 20


class Door:
  """A unix socket for `program.py`, which `command` runs anywhere."""

  def __init__(self, work, name="door"):
    path = work.path / f"{name}.sock"
    self._socket = socket.socket(socket.AF_UNIX)
    self._socket.bind(str(path))
    path.chmod(0o666)  # Other users' programs come in here.
    self._socket.listen(16)
    self._socket.settimeout(ACCEPT_S)
    # A copy: the repository may not be readable for others.
    program = work.path / f"{name}.py"
    shutil.copy(pathlib.Path(__file__).with_name("program.py"), program)
    program.chmod(0o644)
    self.command = f"exec /usr/bin/python3 -IS {program} {path}"

  def close(self):
    self._socket.close()

  def accept(self):
    """The next program's bare link: its descriptors and its command."""
    connection, _ = self._socket.accept()
    connection.settimeout(ACCEPT_S)
    data, fds, _, _ = socket.recv_fds(connection, 65536, 2)
    size = int.from_bytes(data[:4], "big") + 4
    while len(data) < size:
      data += connection.recv(65536)
    return link.Link(connection, *fds), data[4:].decode()

  def accept_context(self, greets=True):
    """The next program, bootstrapped as docs/bootstrap.md has it."""
    found, command = self.accept()
    nonce, size = re.search(r"n=([0-9a-f]+);g=(\d+);", command).groups()
    found.take(int(size))  # The agent's image.
    found.write(b"\0RAMET\xff" + nonce.encode() + b"\n")
    found.take_hello()
    if greets:
      found.say_hello()
    return found

  def accept_module(self):
    found, _ = self.accept()
    found.take_hello()
    found.say_hello()
    return found
