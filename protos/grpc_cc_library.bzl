"""C++ for services of the front door, by gRPC's stock generator."""

load("@rules_cc//cc:defs.bzl", "cc_library")

def grpc_cc_library(name, src, service = True, **kwargs):
    """A cc_library of one .proto and its services.

    Args:
      name: of the cc_library.
      src: the .proto file; it is imported and included by its path below
        protos/, and imports only google/protobuf's files.
      service: whether it has services.
      **kwargs: for the cc_library.
    """
    stem = src[:-len(".proto")]
    hdrs = [stem + ".pb.h"] + ([stem + ".grpc.pb.h"] if service else [])
    srcs = [stem + ".pb.cc"] + ([stem + ".grpc.pb.cc"] if service else [])
    native.genrule(
        name = name + "_generate",
        srcs = [src],
        outs = hdrs + srcs,
        cmd = "$(location @system//:bin/protoc) -Iprotos" +
              " --plugin=protoc-gen-grpc=$(location @system//:bin/grpc_cpp_plugin)" +
              " --cpp_out=$(GENDIR)/protos" +
              (" --grpc_out=$(GENDIR)/protos" if service else "") +
              " $(location {})".format(src),
        tools = [
            "@system//:bin/grpc_cpp_plugin",
            "@system//:bin/protoc",
        ],
        visibility = ["//visibility:private"],
    )
    cc_library(
        name = name,
        srcs = srcs,
        hdrs = hdrs,
        strip_include_prefix = "/protos",
        deps = ["@system//:grpc++"],
        **kwargs
    )
