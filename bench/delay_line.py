#!/usr/bin/python3
"""A TCP relay on loopback that delivers everything a fixed time later, or at
a rate.

    delay_line.py --to PORT --delay-ms 50 [--rate-kbit 1000]

Prints the port it listens on, then for each connection that ended one line of
JSON with the bytes each way. Ends with standard input. It delays what was
sent, not the TCP handshake, and knows no congestion window: a real path of the
same delay costs one more round trip to connect, and more for the first tens of
kilobytes.
"""

import argparse
import collections
import json
import select
import socket
import sys
import time

_CHUNK_BYTES = 256 * 1024
# The same where there is a rate; and what waits for its time, each way.
_SLOW_CHUNK_BYTES = 4 * 1024
_SLOW_QUEUED_BYTES = 64 * 1024


class _Direction:
  """Bytes from one socket on their way to the other."""

  def __init__(self, source, sink, rate):
    self._rate = rate  # bytes in a second; None: any
    self._free_at = 0.0
    self._queued = 0
    self.source = source
    self.sink = sink
    self.bytes = 0
    self.ended = False  # The end has been delivered.
    self._reading = True
    self._queue = collections.deque()  # (due time, bytes; b"" is the end)

  def wants_read(self):
    return self._reading and (
        self._rate is None or self._queued < _SLOW_QUEUED_BYTES)

  def due(self):
    return self._queue[0][0] if self._queue else None

  def read(self, delay_s):
    try:
      data = self.source.recv(
          _CHUNK_BYTES if self._rate is None else _SLOW_CHUNK_BYTES)
    except OSError:
      data = b""
    self.bytes += len(data)
    self._reading = bool(data)
    self._queued += len(data)
    sent_at = time.monotonic()
    if self._rate is not None:
      sent_at = max(sent_at, self._free_at) + len(data) / self._rate
      self._free_at = sent_at
    self._queue.append((sent_at + delay_s, data))

  def deliver(self, now):
    while self._queue and self._queue[0][0] <= now:
      data = self._queue.popleft()[1]
      self._queued -= len(data)
      try:
        if data:
          self.sink.sendall(data)
        else:
          self.sink.shutdown(socket.SHUT_WR)
      except OSError:
        pass
      self.ended = self.ended or not data


class _Connection:

  def __init__(self, client, port, rate):
    server = socket.create_connection(("127.0.0.1", port))
    for s in (client, server):
      s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    self.up = _Direction(client, server, rate)
    self.down = _Direction(server, client, rate)

  def close(self):
    self.up.source.close()
    self.down.source.close()


class DelayLine:

  def __init__(self, port, delay_s, rate):
    self._port = port
    self._rate = rate
    self._delay_s = delay_s
    self._listener = socket.create_server(("127.0.0.1", 0))
    self.port = self._listener.getsockname()[1]
    self._connections = []

  def run(self, until):
    """Relays until `until` is readable."""
    while True:
      directions = [d for c in self._connections for d in (c.up, c.down)]
      readers = {d.source: d for d in directions if d.wants_read()}
      due = [d.due() for d in directions if d.due() is not None]
      wait = max(0.0, min(due) - time.monotonic()) if due else None
      ready, _, _ = select.select([until, self._listener, *readers], [], [],
                                  wait)
      if until in ready:
        return
      if self._listener in ready:
        self._connections.append(
            _Connection(self._listener.accept()[0], self._port, self._rate))
      for s in ready:
        if s in readers:
          readers[s].read(self._delay_s)
      now = time.monotonic()
      for direction in directions:
        direction.deliver(now)
      self._report_ended()

  def _report_ended(self):
    for c in [c for c in self._connections if c.up.ended and c.down.ended]:
      c.close()
      self._connections.remove(c)
      print(json.dumps({"up": c.up.bytes, "down": c.down.bytes}), flush=True)


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--to", type=int, required=True)
  parser.add_argument("--delay-ms", type=float, required=True)
  parser.add_argument("--rate-kbit", type=float)
  arguments = parser.parse_args()
  rate = arguments.rate_kbit and arguments.rate_kbit * 1000 / 8
  line = DelayLine(arguments.to, arguments.delay_ms / 1000, rate)
  print(line.port, flush=True)
  line.run(sys.stdin.buffer)


if __name__ == "__main__":
  main()
