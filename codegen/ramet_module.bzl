"""ramet_module: a service's implementation as a bundle, NAME.rmod."""

load("@rules_cc//cc:defs.bzl", "cc_binary")
load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load(":bundle_actions.bzl", "BUNDLE_ATTRS", "pack_bundle", "proto_infos")
load(":cc_ramet_library.bzl", "RametLibraryInfo")
load(":module_transition.bzl", "images_transition", "module_transition")

# That of the machine that builds. An image for each more platform takes as long
# to build as this one's.
_DEFAULT_PLATFORMS = ["linux-x86_64"]

def _proto_infos(ctx):
    infos = [dep[RametLibraryInfo].proto_info for dep in ctx.attr.deps if RametLibraryInfo in dep]
    infos += proto_infos(ctx)
    if not infos:
        fail(("{}: no services: put the cc_ramet_library that defines them into deps, " +
              "or its ramet_proto_library into protos").format(ctx.label))
    return infos

def _ramet_module_impl(ctx):
    built = {}
    for platform, image in ctx.split_attr.image.items():
        # Those of all platforms have one name, in different configurations.
        built[platform] = ctx.actions.declare_file(
            "{}_images/{}".format(ctx.label.name, platform),
        )
        ctx.actions.symlink(
            output = built[platform],
            target_file = image[DefaultInfo].files_to_run.executable,
            is_executable = True,
        )
    images = {platform: built[platform] for platform in ctx.attr.platforms}
    return pack_bundle(ctx, _proto_infos(ctx), images)

_ramet_module = rule(
    implementation = _ramet_module_impl,
    attrs = dict(
        BUNDLE_ATTRS,
        deps = attr.label_list(cfg = module_transition),
        image = attr.label(
            mandatory = True,
            cfg = images_transition,
        ),
        libc = attr.string(mandatory = True),
        platforms = attr.string_list(allow_empty = False, mandatory = True),
        protos = attr.label_list(providers = [ProtoInfo]),
        _allowlist_function_transition = attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    ),
)

def ramet_module(
        name,
        srcs,
        deps,
        protos = [],
        services = [],
        related = [],
        platforms = _DEFAULT_PLATFORMS,
        libc = "musl",
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
      libc: the C library: "musl", which makes small images, or "glibc", for
        modules that link other libraries of Debian's than those that
        //third_party/musl_cxx says were checked.
      module_name: what masters and contexts call the module; by default name.
      env: variables that its process has, with their values.
      pass_env: names of variables that it has as its context has them, beside
        PATH, HOME and LANG.
      idle_timeout: its process is ended after so long without a call: "10m".
      memory_mib: what its process may allocate, in MiB (RLIMIT_DATA).
        What libc = "musl" keeps for later counts, until C++ objects need it;
        memory of C's malloc can't have it.
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
            Label("//third_party/musl_cxx:runtime"),
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
        libc = libc,
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
