"""What a ramet module in Python is made with; it needs Python 3.6.

    class Greeter(greeter_ramet.GreeterService):
      def SayHello(self, request, context):
        return greeter_pb2.HelloReply(message="Hello, %s!" % request.name)

    ramet_module.run(Greeter())

Services look like grpcio's: RPC errors are raised as RpcError or by
context.abort(), streams are iterators, and context.master() and the like are
channels for generated stubs. docs/module_protocol.md says what travels.
"""

import io
import os
import signal
import stat
import sys

from .compression import Compression
from .context import CallContext
from .service import Method, MethodTable, Service, ServiceOptions
from .status import RpcError, StatusCode

_LINK_VARIABLE = "RAMET_MODULE_FD"


def run(*services, max_threads=4, max_streams=256, max_message_bytes=0,
        service_options=None):
  """Serves the services until the module's context ends it; never returns.

  Unary methods run on `max_threads` threads, of streaming ones `max_streams` at
  a time. 0 bytes: what the context says, which is 4 MiB. `service_options`
  says by name what services take, in place of their .proto:
  {"demo.v1.Disks": ServiceOptions(max_concurrent_calls=2)}.
  """
  methods = MethodTable(services, service_options)
  fd = _link()
  if fd is None:
    sys.stderr.write(
        "This is a ramet module; it serves %s.\n"
        "An agent starts it, with its link in %s. To call it:\n"
        "  ramet call TARGET SERVICE/METHOD --module FILE.rmod\n" %
        (methods.service_names, _LINK_VARIABLE))
    sys.exit(2)
  # Programs that methods start have no business with these.
  del os.environ[_LINK_VARIABLE]
  os.set_inheritable(fd, False)
  _close_image_on_exec()
  signal.signal(signal.SIGINT, signal.SIG_DFL)
  sys.stdout = _lines(sys.stdout)
  sys.stderr = _lines(sys.stderr)
  from .runtime import Runtime
  Runtime(fd, methods, max_threads, max_streams, max_message_bytes).run()


def _link():
  try:
    fd = int(os.environ.get(_LINK_VARIABLE, ""))
    return fd if stat.S_ISSOCK(os.fstat(fd).st_mode) else None
  except (OSError, ValueError, OverflowError):
    return None


def _close_image_on_exec():
  """The script is open as /dev/fd/N; imports go on reading it."""
  script = sys.argv[0]
  if script.startswith("/dev/fd/") and script[8:].isdigit():
    os.set_inheritable(int(script[8:]), False)


def _lines(stream):
  """Writes each line as it comes, whatever the locale."""
  return io.TextIOWrapper(stream.detach(), encoding="utf-8",
                          errors="backslashreplace", line_buffering=True)
