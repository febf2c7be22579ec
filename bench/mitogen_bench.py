#!/usr/bin/python3
"""What Mitogen costs: the commands of ramet_bench, as far as it has them.

Each command prints its results as one line of JSON. Debian's python3-mitogen
and /usr/bin/python3, with the same Python at both ends.
"""

import argparse
import collections
import json
import logging
import os
import signal
import sys
import threading
import time

import mitogen.core
import mitogen.master
import mitogen.parent
import mitogen.ssh
import mitogen.utils

import mitogen_greeter

_WARM_UP = 200


def _samples(nanoseconds):
  """As bench/samples.h prints them."""
  ordered = sorted(nanoseconds)

  def percentile(percent):
    rank = (len(ordered) * percent + 99) // 100
    return ordered[max(rank, 1) - 1] / 1000

  return {"count": len(ordered), "p50_us": percentile(50),
          "p99_us": percentile(99), "min_us": ordered[0] / 1000,
          "max_us": ordered[-1] / 1000}


def _time(action):
  begin = time.perf_counter_ns()
  action()
  return time.perf_counter_ns() - begin


def _ssh_options(arguments):
  return dict(hostname="127.0.0.1", port=arguments.port,
              username=arguments.user, identity_file=arguments.identity,
              check_host_keys="ignore", python_path=sys.executable,
              ssh_args=["-F", "/dev/null"], connect_timeout=60)


def _connect(router, arguments, hops=1):
  if arguments.port:
    return router.ssh(**_ssh_options(arguments))
  context = None
  for _ in range(hops):
    context = router.local(via=context, python_path=sys.executable,
                           connect_timeout=60)
  return context


def connect(router, arguments):
  nanoseconds = []
  for _ in range(arguments.count):
    begin = time.perf_counter_ns()
    context = _connect(router, arguments)
    nanoseconds.append(time.perf_counter_ns() - begin)
    context.shutdown(wait=True)
  return _samples(nanoseconds)


def first_result(router, arguments):
  elapsed = _time(lambda: _connect(router, arguments).call(
      mitogen_greeter.say_hello, "first"))
  return {"first_result": _samples([elapsed]), **bootstrap(router, arguments)}


def module(router, arguments):
  """The first call, which imports the module, and the second."""
  context = _connect(router, arguments)
  first, second = (
      _time(lambda: context.call(mitogen_greeter.say_hello, "x")) / 1000
      for _ in range(2))
  return {"first_us": first, "second_us": second}


def bootstrap(router, arguments):
  """Bytes of the first stage and of what it receives before it can run."""
  connection = mitogen.ssh.Connection(
      router=router,
      options=mitogen.ssh.Options(
          max_message_size=router.max_message_size,
          **{**_ssh_options(arguments), "hostname": "h"}))
  # The context only gives its id to the configuration inside.
  connection.context = mitogen.core.Context(router, 1)
  connection.options.name = "h"
  first_stage = mitogen.parent.Connection.get_boot_command(connection)
  return {"first_stage": sum(len(part) + 1 for part in first_stage),
          "core": len(connection.get_preamble())}


def call(router, arguments):
  context = _connect(router, arguments, arguments.hops)
  for _ in range(_WARM_UP):
    context.call(mitogen_greeter.say_hello, "xxxxxxxx")
  return _samples([
      _time(lambda: context.call(mitogen_greeter.say_hello, "xxxxxxxx"))
      for _ in range(arguments.count)])


def pipeline(router, arguments):
  context = _connect(router, arguments, arguments.hops)
  name = "x" * arguments.bytes
  for _ in range(min(_WARM_UP, arguments.count)):
    context.call(mitogen_greeter.say_hello, name)
  pending = collections.deque()
  begin = time.perf_counter()
  for _ in range(arguments.count):
    pending.append(context.call_async(mitogen_greeter.say_hello, name))
    if len(pending) == arguments.window:
      pending.popleft().get().unpickle()
  while pending:
    pending.popleft().get().unpickle()
  seconds = time.perf_counter() - begin
  return {"calls_per_s": arguments.count / seconds,
          "megabytes_per_s": 1e-6 * arguments.count * arguments.bytes / seconds}


def stream(router, arguments):
  """Messages through a channel, from the context and to it."""
  context = _connect(router, arguments, arguments.hops)

  def rates(seconds):
    return {"messages_per_s": arguments.count / seconds,
            "megabytes_per_s":
                1e-6 * arguments.count * arguments.bytes / seconds}

  def receive(count):
    receiver = mitogen.core.Receiver(router)
    sending = context.call_async(mitogen_greeter.send_many,
                                 receiver.to_sender(), count, arguments.bytes)
    for _ in range(count):
      receiver.get(throw_dead=True).unpickle()
    sending.get().unpickle()

  def send(count):
    own = mitogen.core.Receiver(router)
    counting = context.call_async(mitogen_greeter.receive_many,
                                  own.to_sender(), count)
    sender = own.get().unpickle()
    message = "x" * arguments.bytes
    for _ in range(count):
      sender.send(message)
    counting.get().unpickle()

  result = {}
  for name, action in ("down", receive), ("up", send):
    action(min(_WARM_UP, arguments.count))
    result[name] = rates(_time(lambda: action(arguments.count)) / 1e9)
  return result


def behind_bulk(router, arguments):
  """Small calls beside a thread that has large ones in flight."""
  context = _connect(router, arguments)
  name = "x" * arguments.bytes
  context.call(mitogen_greeter.say_hello, name)
  over = threading.Event()
  done = [0]

  def send():
    pending = collections.deque()
    while not over.is_set() or pending:
      if not over.is_set():
        pending.append(context.call_async(mitogen_greeter.say_hello, name))
      if over.is_set() or len(pending) == arguments.window:
        pending.popleft().get().unpickle()
        done[0] += 1

  thread = threading.Thread(target=send)
  thread.start()
  while done[0] < arguments.window:
    time.sleep(0.001)
  before, begin = done[0], time.perf_counter()
  small = _samples([
      _time(lambda: context.call(mitogen_greeter.say_hello, "xxxxxxxx"))
      for _ in range(arguments.count)])
  seconds = time.perf_counter() - begin
  bulk_calls = done[0] - before
  over.set()
  thread.join()
  return {"small": small, "bulk_megabytes_per_s":
          1e-6 * bulk_calls * arguments.bytes / seconds}


def kill(router, arguments):
  """From SIGKILL of the last context until the call that waits there fails."""
  nanoseconds = []
  for _ in range(arguments.count):
    context = _connect(router, arguments, arguments.hops)
    pid = context.call(os.getpid)
    waiting = context.call_async(time.sleep, 60)
    # Nothing says that it is at work; it is once the time of a call is over.
    time.sleep(0.05)
    begin = time.perf_counter_ns()
    os.kill(pid, signal.SIGKILL)
    try:
      waiting.get().unpickle()
    except mitogen.core.Error:
      nanoseconds.append(time.perf_counter_ns() - begin)
    else:
      sys.exit("the call did not fail")
  return _samples(nanoseconds)


def idle(router, arguments):
  context = _connect(router, arguments)
  print(json.dumps({"context_pid": context.call(os.getpid)}), flush=True)
  for _ in sys.stdin:
    pid = context.call(mitogen_greeter.say_hello, "idle")["pid"]
    print(json.dumps({"module_pid": pid}), flush=True)
  return {}


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  commands = (connect, first_result, module, call, pipeline, behind_bulk, stream, kill,
              idle)
  parser.add_argument("command",
                      choices=[c.__name__.replace("_", "-") for c in commands])
  for name in ("count", "window", "bytes", "port"):
    parser.add_argument("--" + name, type=int)
  parser.add_argument("--hops", type=int, default=1)
  for name in ("user", "identity"):
    parser.add_argument("--" + name)
  arguments = parser.parse_args()
  # ssh's notes on new host keys are no news here.
  logging.getLogger("mitogen").setLevel(logging.ERROR)
  command = globals()[arguments.command.replace("-", "_")]
  print(json.dumps(mitogen.utils.run_with_router(command, arguments)),
        flush=True)


if __name__ == "__main__":
  main()
