"""conformance.v1.Conformance in Python."""

import sys

import ramet_module
from tests.modules import conformance_pb2 as pb
from tests.modules import conformance_ramet


def _prepare(request, context):
  """All that a request asks for before its reply."""
  if request.print:
    print(request.print)
  if request.print_error:
    print(request.print_error, file=sys.stderr)
  if request.metadata:
    context.set_trailing_metadata(
        [pair for pair in context.invocation_metadata()
         if pair[0].startswith("x-echo")])
  if request.compression:
    context.set_compression(request.compression)
  if request.metadata or request.early:
    context.send_initial_metadata(
        [("x-initial", "one"), ("x-initial-bin", b"\0\377")]
        if request.metadata else [])
  if request.wait:
    context.wait_cancelled()
    print("over")
  if request.code:
    context.abort(request.code, request.text, request.details)
  if request.crash:
    raise ValueError("as asked")


def _reply(request, context):
  return pb.Reply(
      payload=bytes(request.reply_bytes) or request.payload,
      request_compressed=context.request_compressed,
      caller=context.caller_id, authority=context.authority_id,
      deadline=context.time_remaining() is not None)


class Methods(object):
  """Those that services have in common."""

  def Unary(self, request, context):
    _prepare(request, context)
    return _reply(request, context)

  def ServerStream(self, request, context):
    _prepare(request, context)
    for _ in range(request.reply_count):
      yield _reply(request, context)

  def ClientStream(self, requests, context):
    count = size = 0
    request = pb.Request()
    for request in requests:
      count += 1
      size += len(request.payload)
    _prepare(request, context)
    return pb.Reply(requests=count, request_bytes=size)

  Serial = Unary


class Limited(Methods, conformance_ramet.LimitedService):
  pass


class Overridden(Methods, conformance_ramet.OverriddenService):
  pass


class Conformance(Methods, conformance_ramet.ConformanceService):

  def BidiStream(self, requests, context):
    for request in requests:
      _prepare(request, context)
      yield _reply(request, context)

  def Relay(self, request, context):
    stub = conformance_ramet.ConformanceStub(
        context.context_by_id(request.target))
    options = {"timeout": request.timeout_ms / 1000 or None,
               "metadata": [("x-relay", "yes")] if request.metadata else None}
    answer = pb.RelayReply()
    kind = pb.RelayRequest.Kind
    try:
      if request.kind == kind.Value("UNARY"):
        replies = [stub.Unary(request.requests[0], **options)]
      elif request.kind == kind.Value("SERVER_STREAM"):
        replies = stub.ServerStream(request.requests[0], **options)
      elif request.kind == kind.Value("CLIENT_STREAM"):
        replies = [stub.ClientStream(iter(request.requests), **options)]
      else:
        replies = stub.BidiStream(iter(request.requests), **options)
      for reply in replies:
        answer.payloads.append(reply.payload)
    except ramet_module.RpcError as error:
      answer.code, answer.text = error.code(), error.details()
    return answer


ramet_module.run(
    Conformance(), Limited(), Overridden(), service_options={
        "conformance.v1.Overridden": ramet_module.ServiceOptions(
            max_concurrent_calls=1, max_queued_calls=1,
            serial={"Unary": False})})
