"""conformance.v1.Conformance in Python, of messages that stay bytes."""

import sys

import ramet_module
from tests.modules import conformance_ramet


class Conformance(conformance_ramet.ConformanceService):

  def Unary(self, request, context):
    if "google" in sys.modules:
      context.abort(ramet_module.StatusCode.INTERNAL, "protobuf is loaded")
    return request

  def BidiStream(self, requests, context):
    yield from requests


ramet_module.run(Conformance())
