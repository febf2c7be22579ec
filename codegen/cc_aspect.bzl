"""Generates and compiles C++ for a proto_library and everything it imports."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")
load("@rules_proto//proto:defs.bzl", "ProtoInfo")

RametCcInfo = provider(
    "C++ of one proto_library, imports included.",
    fields = {"cc_info": "CcInfo"},
)

def import_name(proto_info, source):
    """What an import statement calls a source of `proto_info`."""
    root = proto_info.proto_source_root
    path = source.path
    for prefix in [root, source.root.path]:
        if prefix and prefix != "." and path.startswith(prefix + "/"):
            return path[len(prefix) + 1:]
    return path

def proto_path_args(args, proto_info):
    """Adds where protoc finds the files of `proto_info` and their imports."""
    args.add_all(
        proto_info.transitive_proto_path,
        format_each = "--proto_path=%s",
        uniquify = True,
    )
    args.add("--proto_path=.")

def _generate(ctx, target, lite):
    """Declares the outputs of protoc and both generators.

    They go to a folder of their own, so that other rules can generate C++ from
    the same proto_library.
    """
    proto_info = target[ProtoInfo]
    folder = "_ramet_cc/" + target.label.name
    sources = []
    headers = []
    names = []
    for source in proto_info.direct_sources:
        name = import_name(proto_info, source)
        stem = folder + "/" + name[:-len(".proto")]
        sources += [
            ctx.actions.declare_file(stem + ".pb.cc"),
            ctx.actions.declare_file(stem + ".ramet.cc"),
        ]
        headers += [
            ctx.actions.declare_file(stem + ".pb.h"),
            ctx.actions.declare_file(stem + ".ramet.h"),
        ]
        names.append(name)
    parts = [ctx.bin_dir.path, target.label.workspace_root, target.label.package, folder]
    out = "/".join([p for p in parts if p])

    args = ctx.actions.args()
    args.add(ctx.executable._plugin, format = "--plugin=protoc-gen-ramet=%s")
    args.add(out, format = "--cpp_out=lite:%s" if lite else "--cpp_out=%s")
    args.add(out, format = "--ramet_out=%s")
    proto_path_args(args, proto_info)
    args.add_all(names)
    if names:
        ctx.actions.run(
            executable = ctx.executable._protoc,
            arguments = [args],
            inputs = proto_info.transitive_sources,
            tools = [ctx.executable._plugin],
            outputs = sources + headers,
            mnemonic = "RametProtoc",
            progress_message = "Generating C++ for %s" % target.label,
        )
    return sources, headers, out

def _cc_aspect_impl(target, ctx):
    # These have C++ already.
    for made in [ctx.attr._options, ctx.attr._well_known]:
        if target.label == made.label:
            cc = ctx.attr._options_cc if made == ctx.attr._options else ctx.attr._well_known_cc
            return [RametCcInfo(cc_info = cc[CcInfo])]

    sources, headers, include = _generate(
        ctx,
        target,
        ctx.attr._lite[BuildSettingInfo].value,
    )
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    deps = [dep[RametCcInfo].cc_info for dep in ctx.rule.attr.deps]
    deps += [dep[CcInfo] for dep in ctx.attr._runtime]
    compilation_context, compilation_outputs = cc_common.compile(
        name = target.label.name,
        actions = ctx.actions,
        feature_configuration = features,
        cc_toolchain = toolchain,
        srcs = sources,
        public_hdrs = headers,
        system_includes = [include],
        compilation_contexts = [dep.compilation_context for dep in deps],
    )
    linking_context, _ = cc_common.create_linking_context_from_compilation_outputs(
        name = target.label.name + "_ramet_cc",
        actions = ctx.actions,
        feature_configuration = features,
        cc_toolchain = toolchain,
        compilation_outputs = compilation_outputs,
        linking_contexts = [dep.linking_context for dep in deps],
        disallow_dynamic_library = True,
    )
    return [RametCcInfo(cc_info = CcInfo(
        compilation_context = compilation_context,
        linking_context = linking_context,
    ))]

ramet_cc_aspect = aspect(
    implementation = _cc_aspect_impl,
    attr_aspects = ["deps"],
    attrs = {
        "_cc_toolchain": attr.label(
            default = "@bazel_tools//tools/cpp:current_cc_toolchain",
        ),
        "_lite": attr.label(default = "//codegen:lite"),
        "_options": attr.label(default = "//protos:options_proto"),
        "_options_cc": attr.label(default = "//protos:options_cc"),
        "_plugin": attr.label(
            default = "//codegen:protoc-gen-ramet",
            executable = True,
            cfg = "exec",
        ),
        "_protoc": attr.label(
            default = "@system//:bin/protoc",
            executable = True,
            allow_single_file = True,
            cfg = "exec",
        ),
        "_runtime": attr.label_list(default = [
            "//stub:generated",
            "//stub:protobuf",
        ]),
        "_well_known": attr.label(default = "//codegen:well_known_protos"),
        "_well_known_cc": attr.label(default = "//codegen:well_known_cc"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
