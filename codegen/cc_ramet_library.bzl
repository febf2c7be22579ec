"""cc_ramet_library: typed stubs, service skeletons and messages in C++."""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load(":cc_aspect.bzl", "RametCcInfo", "ramet_cc_aspect")

RametLibraryInfo = provider(
    "The definitions that a cc_ramet_library was made from.",
    fields = {"proto_info": "ProtoInfo of its ramet_proto_library"},
)

def _cc_ramet_library_impl(ctx):
    cc_info = ctx.attr.proto[RametCcInfo].cc_info
    return [
        cc_info,
        RametLibraryInfo(proto_info = ctx.attr.proto[ProtoInfo]),
        DefaultInfo(files = cc_info.compilation_context.headers),
    ]

cc_ramet_library = rule(
    implementation = _cc_ramet_library_impl,
    doc = """Makes FILE.pb.h and FILE.ramet.h for a ramet_proto_library.

Imported protos are generated with it and shared between all libraries that
import them. Programs and tests get protobuf's full runtime; a ramet_module
that depends on the same target gets protobuf-lite.
""",
    attrs = {
        "proto": attr.label(
            doc = "The ramet_proto_library.",
            mandatory = True,
            providers = [ProtoInfo],
            aspects = [ramet_cc_aspect],
        ),
    },
    provides = [CcInfo, RametLibraryInfo],
)
