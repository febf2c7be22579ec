#!/usr/bin/python3
"""interop_client.py GENERATED ADDRESS [TARGET]: the cases of interop_client.cc.

With Debian's grpcio and protoc's stock output in GENERATED; prints the same
lines.
"""

import queue
import sys

import grpc

if len(sys.argv) not in (3, 4):
  sys.exit("usage: interop_client.py GENERATED ADDRESS [TARGET]")
GENERATED, ADDRESS = sys.argv[1:3]
TARGET = sys.argv[3] if len(sys.argv) == 4 else ""
sys.path.insert(0, GENERATED)

# pylint: disable=wrong-import-position
from tests.interop import empty_pb2
from tests.interop import messages_pb2 as pb
from tests.interop import test_pb2_grpc

LARGE_REQUEST_BYTES = 271828
LARGE_REPLY_BYTES = 314159
REQUEST_BYTES = (27182, 8, 1828, 45904)
REPLY_BYTES = (31415, 9, 2653, 58979)
INITIAL = ("x-grpc-test-echo-initial", "test_initial_metadata_value")
TRAILING = ("x-grpc-test-echo-trailing-bin", b"\x0a\x0b\x0a\x0b\x0a\x0b")
TEST_TEXT = "test status message"
SPECIAL_TEXT = ("\t\ntest with whitespace\r\nand Unicode BMP \u263A and non-BMP "
                "\U0001F608\t\n")
# No case takes that long: one that hangs fails.
HANG_S = 20


class Skipped(Exception):
  pass


def expect(holds, what):
  if not holds:
    raise AssertionError(what)


def expect_zeros(size, payload):
  expect(payload.body == bytes(size),
         f"not {size} zeros but {len(payload.body)} bytes")


def expect_code(code, call, text=None):
  expect(call.code() == code, f"{call.code()} instead of {code}: "
         f"{call.details()}")
  if text is not None:
    expect(call.details() == text, f"the text is {call.details()!r}")


def options(*pairs, timeout=HANG_S):
  metadata = [("ramet-target", TARGET)] if TARGET else []
  return {"metadata": metadata + list(pairs), "timeout": timeout}


def zeros(size):
  return pb.Payload(body=bytes(size))


def large_request(**more):
  return pb.SimpleRequest(response_size=LARGE_REPLY_BYTES,
                          payload=zeros(LARGE_REQUEST_BYTES), **more)


def ping_pong(index):
  return pb.StreamingOutputCallRequest(
      response_parameters=[pb.ResponseParameters(size=REPLY_BYTES[index])],
      payload=zeros(REQUEST_BYTES[index]))


def fails(code, function, *arguments, text=None, **keywords):
  try:
    function(*arguments, **keywords)
  except grpc.RpcError as error:
    return expect_code(code, error, text)
  raise AssertionError(f"succeeded instead of {code}")


class Requests:
  """Requests of a call, one at a time."""

  def __init__(self):
    self._queue = queue.Queue()
    self.send = self._queue.put

  def close(self):
    self._queue.put(None)

  def __iter__(self):
    return iter(self._queue.get, None)


class Cases:
  """Each method is a case."""

  def __init__(self, channel):
    self._stub = test_pb2_grpc.TestServiceStub(channel)
    self._nobody = test_pb2_grpc.UnimplementedServiceStub(channel)

  def empty_unary(self):
    reply = self._stub.EmptyCall(empty_pb2.Empty(), **options())
    expect(reply.ByteSize() == 0, "the reply is not empty")

  def large_unary(self):
    reply = self._stub.UnaryCall(large_request(), **options())
    expect_zeros(LARGE_REPLY_BYTES, reply.payload)

  def client_compressed_unary(self):
    expected = pb.BoolValue(value=True)
    fails(grpc.StatusCode.INVALID_ARGUMENT, self._stub.UnaryCall,
          large_request(expect_compressed=expected), **options())
    for compression, value in ((grpc.Compression.Gzip, True),
                               (grpc.Compression.NoCompression, False)):
      reply = self._stub.UnaryCall(
          large_request(expect_compressed=pb.BoolValue(value=value)),
          compression=compression, **options())
      expect_zeros(LARGE_REPLY_BYTES, reply.payload)

  def server_compressed_unary(self):
    # grpcio does not tell whether a message came compressed.
    for value in (True, False):
      reply = self._stub.UnaryCall(
          large_request(response_compressed=pb.BoolValue(value=value)),
          **options())
      expect_zeros(LARGE_REPLY_BYTES, reply.payload)

  def client_streaming(self):
    reply = self._stub.StreamingInputCall(
        (pb.StreamingInputCallRequest(payload=zeros(size))
         for size in REQUEST_BYTES), **options())
    expect(reply.aggregated_payload_size == 74922, "sum of sizes")

  def client_compressed_streaming(self):
    raise Skipped("grpcio compresses all messages of a call or none")

  def server_streaming(self):
    call = self._stub.StreamingOutputCall(pb.StreamingOutputCallRequest(
        response_parameters=[pb.ResponseParameters(size=size)
                             for size in REPLY_BYTES]), **options())
    self._expect_replies(REPLY_BYTES, call)

  def server_compressed_streaming(self):
    sizes = (31415, 92653)
    call = self._stub.StreamingOutputCall(pb.StreamingOutputCallRequest(
        response_parameters=[
            pb.ResponseParameters(size=size, compressed=pb.BoolValue(value=on))
            for size, on in zip(sizes, (True, False))]), **options())
    self._expect_replies(sizes, call)

  def _expect_replies(self, sizes, call):
    replies = list(call)
    expect(len(replies) == len(sizes), f"{len(replies)} replies")
    for size, reply in zip(sizes, replies):
      expect_zeros(size, reply.payload)
    expect_code(grpc.StatusCode.OK, call)

  def ping_pong(self):
    requests = Requests()
    call = self._stub.FullDuplexCall(iter(requests), **options())
    for index, size in enumerate(REPLY_BYTES):
      requests.send(ping_pong(index))
      expect_zeros(size, next(call).payload)
    requests.close()
    self._expect_replies((), call)

  def empty_stream(self):
    self._expect_replies((), self._stub.FullDuplexCall(iter(()), **options()))

  def custom_metadata(self):
    reply, call = self._stub.UnaryCall.with_call(
        large_request(), **options(INITIAL, TRAILING))
    expect_zeros(LARGE_REPLY_BYTES, reply.payload)
    self._expect_echoed(call)
    call = self._stub.FullDuplexCall(iter((pb.StreamingOutputCallRequest(
        response_parameters=[pb.ResponseParameters(size=LARGE_REPLY_BYTES)],
        payload=zeros(LARGE_REQUEST_BYTES)),)), **options(INITIAL, TRAILING))
    self._expect_replies((LARGE_REPLY_BYTES,), call)
    self._expect_echoed(call)

  def _expect_echoed(self, call):
    initial, trailing = call.initial_metadata(), call.trailing_metadata()
    expect([v for k, v in initial if k == INITIAL[0]] == [INITIAL[1]],
           f"initial metadata {initial}")
    expect([v for k, v in trailing if k == TRAILING[0]] == [TRAILING[1]],
           f"trailing metadata {trailing}")

  def status_code_and_message(self):
    status = pb.EchoStatus(code=2, message=TEST_TEXT)
    fails(grpc.StatusCode.UNKNOWN, self._stub.UnaryCall,
          pb.SimpleRequest(response_status=status), text=TEST_TEXT, **options())
    call = self._stub.FullDuplexCall(iter((pb.StreamingOutputCallRequest(
        response_status=status),)), **options())
    fails(grpc.StatusCode.UNKNOWN, list, call, text=TEST_TEXT)

  def special_status_message(self):
    fails(grpc.StatusCode.UNKNOWN, self._stub.UnaryCall,
          pb.SimpleRequest(response_status=pb.EchoStatus(
              code=2, message=SPECIAL_TEXT)), text=SPECIAL_TEXT, **options())

  def unimplemented_method(self):
    fails(grpc.StatusCode.UNIMPLEMENTED, self._stub.UnimplementedMethod,
          empty_pb2.Empty(), **options())

  def unimplemented_service(self):
    fails(grpc.StatusCode.UNIMPLEMENTED, self._nobody.UnimplementedCall,
          empty_pb2.Empty(), **options())

  def cancel_after_begin(self):
    requests = Requests()
    call = self._stub.StreamingInputCall.future(iter(requests), **options())
    call.cancel()
    requests.close()
    expect_code(grpc.StatusCode.CANCELLED, call)

  def cancel_after_first_response(self):
    requests = Requests()
    call = self._stub.FullDuplexCall(iter(requests), **options())
    requests.send(ping_pong(0))
    expect_zeros(REPLY_BYTES[0], next(call).payload)
    call.cancel()
    fails(grpc.StatusCode.CANCELLED, next, call)
    requests.close()

  def timeout_on_sleeping_server(self):
    requests = Requests()
    call = self._stub.FullDuplexCall(iter(requests), **options(timeout=0.001))
    requests.send(pb.StreamingOutputCallRequest(payload=zeros(27182)))
    fails(grpc.StatusCode.DEADLINE_EXCEEDED, next, call)
    requests.close()


def main():
  failed = False
  with grpc.insecure_channel(ADDRESS) as channel:
    cases = Cases(channel)
    for name in [n for n in vars(Cases) if not n.startswith("_")]:
      try:
        getattr(cases, name)()
        outcome = "passed"
      except Skipped as why:
        outcome = f"skipped: {why}"
      except Exception as error:  # pylint: disable=broad-except
        failed = True
        outcome = f"failed: {type(error).__name__} {error}".replace("\n", " ")
      print(f"{name} {outcome}", flush=True)
  sys.exit(1 if failed else 0)


if __name__ == "__main__":
  main()
