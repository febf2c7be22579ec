"""C++ for ramet's own messages: protoc without the ramet plugin.

For what the plugin itself needs, and for tiers that may not see the stubs.
Users have cc_ramet_library in rules.bzl.
"""

load("@rules_cc//cc:defs.bzl", "cc_library")

def cc_message_library(name, src, **kwargs):
    """A cc_library of one .proto, by protobuf's own generator alone.

    Args:
      name: of the cc_library.
      src: the .proto file. It is imported and included by its path within
        this package, and imports only google/protobuf's files.
      **kwargs: for the cc_library.
    """
    stem = src[:-len(".proto")]
    native.genrule(
        name = name + "_generate",
        srcs = [src],
        outs = [stem + ".pb.h", stem + ".pb.cc"],
        cmd = "$(execpath @system//:bin/protoc) -I{} ".format(
            native.package_name(),
        ) + "--cpp_out=$(RULEDIR) $(location {})".format(src),
        tools = ["@system//:bin/protoc"],
        visibility = ["//visibility:private"],
    )
    cc_library(
        name = name,
        srcs = [stem + ".pb.cc"],
        hdrs = [stem + ".pb.h"],
        includes = ["."],
        deps = ["@system//:protobuf"],
        **kwargs
    )
