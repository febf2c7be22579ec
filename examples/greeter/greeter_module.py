"""The service that runs on the target, in Python."""

import os

import ramet_module
from examples.greeter import greeter_pb2
from examples.greeter import greeter_ramet


class Greeter(greeter_ramet.GreeterService):

  def SayHello(self, request, context):
    return greeter_pb2.HelloReply(
        message=f"Hello, {request.name}!" if request.name else "Hello!",
        hostname=os.uname().nodename, pid=os.getpid(), uid=os.getuid())


ramet_module.run(Greeter())
