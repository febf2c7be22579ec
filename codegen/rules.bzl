"""What a BUILD file loads to define services, call them, and make modules.

    load("@ramet//codegen:rules.bzl", "cc_ramet_library", "ramet_module", "ramet_proto_library")

    ramet_proto_library(
        name = "greeter_proto",
        srcs = ["greeter.proto"],
    )

    # greeter.pb.h: messages. greeter.ramet.h: GreeterStub, GreeterService.
    cc_ramet_library(
        name = "greeter_cc",
        proto = ":greeter_proto",
    )

    # greeter.rmod
    ramet_module(
        name = "greeter",
        srcs = ["greeter_module.cc"],
        deps = [":greeter_cc"],
    )

    # The same in other languages.
    py_ramet_module(
        name = "greeter_py",
        srcs = ["greeter_module.py"],
        protos = [":greeter_proto"],
    )

    go_ramet_module(
        name = "greeter_go",
        srcs = ["greeter_module.go"],
        protos = [":greeter_proto"],
    )
"""

load("@rules_proto//proto:defs.bzl", "proto_library")
load(":cc_ramet_library.bzl", _cc_ramet_library = "cc_ramet_library")
load(":go_ramet_module.bzl", _go_ramet_module = "go_ramet_module")
load(":py_ramet_module.bzl", _py_ramet_module = "py_ramet_module")
load(":ramet_module.bzl", _ramet_module = "ramet_module")

cc_ramet_library = _cc_ramet_library
go_ramet_module = _go_ramet_module
py_ramet_module = _py_ramet_module
ramet_module = _ramet_module

def ramet_proto_library(name, srcs, deps = [], **kwargs):
    """A proto_library that may import ramet/options.proto and google/protobuf.

    Args:
      name: of the proto_library.
      srcs: .proto files; imports name them by their path in the workspace.
      deps: ramet_proto_librarys (or proto_librarys) of what they import.
      **kwargs: for the proto_library.
    """
    proto_library(
        name = name,
        srcs = srcs,
        deps = deps + [
            Label("//codegen:well_known_protos"),
            Label("//protos:options_proto"),
        ],
        **kwargs
    )
