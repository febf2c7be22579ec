"""google/protobuf/*.proto as targets, for both runtimes."""

load("@rules_cc//cc:defs.bzl", "cc_library")
load("@rules_proto//proto:defs.bzl", "proto_library")

# With code in libprotobuf and, made here, in lite programs.
_LITE = [
    "any",
    "api",
    "duration",
    "empty",
    "field_mask",
    "source_context",
    "struct",
    "timestamp",
    "type",
    "wrappers",
]

# For options only; no lite runtime.
_DESCRIPTOR = ["descriptor"]

def well_known_protos(name):
    """The .proto files themselves, as imports of other proto_librarys."""
    protos = ["google/protobuf/{}.proto".format(p) for p in _LITE + _DESCRIPTOR]
    native.genrule(
        name = name + "_copy",
        outs = ["well_known/" + p for p in protos],
        cmd = "cd /usr/include; cp {} $$OLDPWD/$(RULEDIR)/well_known/google/protobuf/".format(
            " ".join(protos),
        ),
        visibility = ["//visibility:private"],
    )
    proto_library(
        name = name,
        srcs = ["well_known/" + p for p in protos],
        strip_import_prefix = "well_known",
    )

def well_known_lite(name):
    """Their C++ for lite programs; libprotobuf-lite has none of it."""
    protos = ["google/protobuf/{}.proto".format(p) for p in _LITE]
    headers = ["lite/google/protobuf/{}.pb.h".format(p) for p in _LITE]
    sources = ["lite/google/protobuf/{}.pb.cc".format(p) for p in _LITE]
    native.genrule(
        name = name + "_generate",
        outs = headers + sources,
        cmd = "$(execpath @system//:bin/protoc) -I/usr/include " +
              "--cpp_out=lite:$(RULEDIR)/lite " + " ".join(protos),
        tools = ["@system//:bin/protoc"],
        visibility = ["//visibility:private"],
    )
    cc_library(
        name = name,
        srcs = sources,
        hdrs = headers,
        includes = ["lite"],
        deps = ["@system//:protobuf_lite"],
    )
