"""What the rules for modules share: packing, and generating Python and Go."""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load(":cc_aspect.bzl", "import_name", "proto_path_args")

# What pack_bundle takes, of modules in all languages.
BUNDLE_ATTRS = {
    "env": attr.string_dict(),
    "idle_timeout": attr.string(),
    "memory_mib": attr.int(),
    "module_name": attr.string(),
    "pass_env": attr.string_list(),
    "related": attr.string_list(),
    "services": attr.string_list(),
    "_pack": attr.label(
        default = "//tools/bundle:rmod_pack",
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

# What `generate` takes besides.
GENERATE_ATTRS = {
    "messages": attr.string(
        default = "protobuf",
        values = ["bytes", "protobuf"],
    ),
    "protos": attr.label_list(
        allow_empty = False,
        mandatory = True,
        providers = [ProtoInfo],
    ),
    "_plugin": attr.label(
        default = "//codegen:protoc-gen-ramet",
        executable = True,
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

def proto_infos(ctx):
    return [proto[ProtoInfo] for proto in ctx.attr.protos]

def _descriptors(ctx, infos):
    """The definitions as a FileDescriptorSet, and the files that hold services."""
    out = ctx.actions.declare_file(ctx.label.name + ".descriptors")
    files = []
    args = ctx.actions.args()
    args.add("--include_imports")
    args.add(out, format = "--descriptor_set_out=%s")
    for info in infos:
        proto_path_args(args, info)
        for source in info.direct_sources:
            name = import_name(info, source)
            if name not in files:
                files.append(name)
    args.add_all(files)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = [args],
        inputs = depset(transitive = [info.transitive_sources for info in infos]),
        outputs = [out],
        mnemonic = "RametDescriptors",
    )
    return out, files

def pack_bundle(ctx, infos, images):
    """Packs NAME.rmod.

    Args:
      ctx: of a rule with BUNDLE_ATTRS.
      infos: ProtoInfos of the services.
      images: a dict of platforms and files.

    Returns:
      The rule's providers.
    """
    descriptors, files = _descriptors(ctx, infos)
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
    args.add_all(["--env={}={}".format(name, value) for name, value in ctx.attr.env.items()])
    args.add_all(ctx.attr.pass_env, format_each = "--env=%s")
    if ctx.attr.idle_timeout:
        args.add(ctx.attr.idle_timeout, format = "--idle_timeout=%s")
    if ctx.attr.memory_mib:
        args.add(ctx.attr.memory_mib, format = "--memory_mib=%s")
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
