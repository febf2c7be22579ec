"""What rules for modules in Python and Go share: definitions and packing."""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load(":cc_aspect.bzl", "import_name", "proto_path_args")

BUNDLE_ATTRS = {
    "messages": attr.string(
        default = "protobuf",
        values = ["bytes", "protobuf"],
    ),
    "module_name": attr.string(),
    "protos": attr.label_list(
        allow_empty = False,
        mandatory = True,
        providers = [ProtoInfo],
    ),
    "related": attr.string_list(),
    "services": attr.string_list(),
    "_pack": attr.label(
        default = "//tools/bundle:rmod_pack",
        executable = True,
        cfg = "exec",
    ),
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
}

def _imported_as(source, roots):
    """What an import calls a file that is below one of `roots`."""
    for root in roots:
        if source.path.startswith(root + "/"):
            return source.path[len(root) + 1:]
    return source.path

def proto_names(ctx):
    """The import names of all that the protos need, without protobuf's own."""
    names = []
    for proto in ctx.attr.protos:
        info = proto[ProtoInfo]
        roots = [p for p in info.transitive_proto_path.to_list() if p != "."]

        # The longest first: one may be within another.
        roots = reversed(sorted(roots, key = len))
        for source in info.transitive_sources.to_list():
            name = _imported_as(source, roots)
            if not name.startswith("google/protobuf/") and name not in names:
                names.append(name)
    return names

def generate(ctx, out, names, arguments, tools = []):
    """Runs protoc for `names` with `arguments` into a declared directory."""
    args = ctx.actions.args()
    args.add(ctx.executable._plugin, format = "--plugin=protoc-gen-ramet=%s")
    args.add_all(arguments)
    for proto in ctx.attr.protos:
        proto_path_args(args, proto[ProtoInfo])
    args.add_all(names)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = [args],
        inputs = depset(transitive = [p[ProtoInfo].transitive_sources for p in ctx.attr.protos]),
        tools = [ctx.executable._plugin] + tools,
        outputs = [out],
        mnemonic = "RametProtoc",
        progress_message = "Generating code for %s" % ctx.label,
    )

def _descriptors(ctx):
    """The definitions as a FileDescriptorSet, and the files that hold services."""
    out = ctx.actions.declare_file(ctx.label.name + ".descriptors")
    files = []
    args = ctx.actions.args()
    args.add("--include_imports")
    args.add(out, format = "--descriptor_set_out=%s")
    for proto in ctx.attr.protos:
        info = proto[ProtoInfo]
        proto_path_args(args, info)
        files += [import_name(info, source) for source in info.direct_sources]
    args.add_all(files)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = [args],
        inputs = depset(transitive = [p[ProtoInfo].transitive_sources for p in ctx.attr.protos]),
        outputs = [out],
        mnemonic = "RametDescriptors",
    )
    return out, files

def pack_bundle(ctx, images):
    """NAME.rmod of a dict of platforms and images; the rule's providers."""
    descriptors, files = _descriptors(ctx)
    bundle = ctx.actions.declare_file(ctx.label.name + ".rmod")
    args = ctx.actions.args()
    args.add(bundle, format = "--output=%s")
    args.add(ctx.attr.module_name or ctx.label.name, format = "--name=%s")
    args.add(descriptors, format = "--descriptors=%s")
    args.add_all(files, format_each = "--service_file=%s")
    args.add_all(ctx.attr.services, format_each = "--service=%s")
    args.add_all(ctx.attr.related, format_each = "--related=%s")
    for platform, image in images.items():
        args.add(image, format = "--image={}=%s".format(platform))
    ctx.actions.run(
        executable = ctx.executable._pack,
        arguments = [args],
        inputs = [descriptors] + images.values(),
        outputs = [bundle],
        mnemonic = "RametPack",
        progress_message = "Packing %s" % bundle.short_path,
    )
    return [
        DefaultInfo(
            files = depset([bundle]),
            runfiles = ctx.runfiles([bundle]),
        ),
        OutputGroupInfo(
            descriptors = depset([descriptors]),
            image = depset(images.values()),
        ),
    ]
