"""ramet_module: a service's implementation as a bundle, NAME.rmod."""

load("@rules_cc//cc:defs.bzl", "cc_binary")
load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load(":cc_aspect.bzl", "import_name", "proto_path_args")
load(":cc_ramet_library.bzl", "RametLibraryInfo")
load(":module_transition.bzl", "images_transition", "module_transition")

# That of the machine that builds. An image for each more platform takes as long
# to build as this one's.
_DEFAULT_PLATFORMS = ["linux-x86_64"]

def _proto_infos(ctx):
    infos = [dep[RametLibraryInfo].proto_info for dep in ctx.attr.deps if RametLibraryInfo in dep]
    infos += [proto[ProtoInfo] for proto in ctx.attr.protos]
    if not infos:
        fail(("{}: no services: put the cc_ramet_library that defines them into deps, " +
              "or its ramet_proto_library into protos").format(ctx.label))
    return infos

def _descriptor_set(ctx, infos):
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

def _ramet_module_impl(ctx):
    descriptors, files = _descriptor_set(ctx, _proto_infos(ctx))

    images = {}
    for platform, image in ctx.split_attr.image.items():
        # Those of all platforms have one name, in different configurations.
        images[platform] = ctx.actions.declare_file(
            "{}_images/{}".format(ctx.label.name, platform),
        )
        ctx.actions.symlink(
            output = images[platform],
            target_file = image[DefaultInfo].files_to_run.executable,
            is_executable = True,
        )
    bundle = ctx.actions.declare_file(ctx.label.name + ".rmod")
    args = ctx.actions.args()
    args.add(bundle, format = "--output=%s")
    args.add(ctx.attr.module_name or ctx.label.name, format = "--name=%s")
    args.add(descriptors, format = "--descriptors=%s")
    args.add_all(files, format_each = "--service_file=%s")
    args.add_all(ctx.attr.services, format_each = "--service=%s")
    args.add_all(ctx.attr.related, format_each = "--related=%s")
    for platform in ctx.attr.platforms:
        args.add(images[platform], format = "--image={}=%s".format(platform))
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

_ramet_module = rule(
    implementation = _ramet_module_impl,
    attrs = {
        "deps": attr.label_list(cfg = module_transition),
        "env": attr.string_dict(),
        "idle_timeout": attr.string(),
        "image": attr.label(
            mandatory = True,
            cfg = images_transition,
        ),
        "memory_mib": attr.int(),
        "module_name": attr.string(),
        "pass_env": attr.string_list(),
        "platforms": attr.string_list(allow_empty = False, mandatory = True),
        "protos": attr.label_list(providers = [ProtoInfo]),
        "related": attr.string_list(),
        "services": attr.string_list(),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
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
    },
)

def ramet_module(
        name,
        srcs,
        deps,
        protos = [],
        services = [],
        related = [],
        platforms = _DEFAULT_PLATFORMS,
        module_name = None,
        env = {},
        pass_env = [],
        idle_timeout = None,
        memory_mib = 0,
        copts = [],
        data = None,
        tags = [],
        visibility = None,
        testonly = None,
        **kwargs):
    """Builds a module for its platforms and packs NAME.rmod.

    An image is a static, stripped program with protobuf-lite, optimised for
    size, whatever flags the rest of the build has: `NAME_image` in the
    module's configuration for a platform. A target gets the one for its own.

    Args:
      name: of the bundle.
      srcs: C++ with RAMET_MODULE(...), or a main() that calls RunModule.
      deps: cc_ramet_librarys of the services, and other cc_librarys.
      protos: ramet_proto_librarys of services whose cc_ramet_library is not
        itself in deps.
      services: full names of those that the module implements; by default all
        that the protos of `deps` and `protos` define.
      related: names of modules that a target of this one will need as well.
      platforms: what the module runs on: "linux-x86_64", "linux-aarch64".
      module_name: what masters and contexts call the module; by default name.
      env: variables that its process has, with their values.
      pass_env: names of variables that it has as its context has them, beside
        PATH, HOME and LANG.
      idle_timeout: its process is ended after so long without a call: "10m".
      memory_mib: what its process may allocate, in MiB (RLIMIT_DATA).
      copts: for srcs.
      data: not supported: a module travels as one file.
      tags: of the bundle.
      visibility: of the bundle.
      testonly: of both.
      **kwargs: for the cc_binary: defines, linkopts ...
    """
    if data:
        fail("a module travels as one file; it can't have data")
    image = name + "_image"
    cc_binary(
        name = image,
        srcs = srcs,
        copts = copts,
        linkstatic = True,
        tags = ["manual"],
        testonly = testonly,
        visibility = ["//visibility:private"],
        # In this order: what uses streams stands before them.
        deps = deps + [
            Label("//stub:module_main"),
            Label("//third_party/slim"),
            Label("//third_party/slim:streams"),
        ],
        **kwargs
    )
    _ramet_module(
        name = name,
        deps = deps,
        env = env,
        idle_timeout = idle_timeout or "",
        image = ":" + image,
        memory_mib = memory_mib,
        module_name = module_name or "",
        pass_env = pass_env,
        platforms = platforms,
        protos = protos,
        related = related,
        services = services,
        tags = tags,
        testonly = testonly,
        visibility = visibility,
    )
