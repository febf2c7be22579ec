"""go_ramet_module: a service in Go as a bundle, NAME.rmod."""

load(
    ":bundle_actions.bzl",
    "BUNDLE_ATTRS",
    "GENERATE_ATTRS",
    "generate",
    "pack_bundle",
    "proto_infos",
    "proto_names",
)

# By what Go calls a processor.
_PLATFORMS = {
    "linux-aarch64": "arm64",
    "linux-x86_64": "amd64",
}

def _go_package(name):
    """Where generated Go of a .proto goes: "PATH;PACKAGE"."""
    stem = name[:-len(".proto")]
    base = stem.split("/")[-1]
    package = "".join([c if c.isalnum() else "_" for c in base.elems()])
    return "{}pb;{}pb".format(stem, package)

def _image(ctx, platform, generated):
    image = ctx.actions.declare_file("{}.{}".format(ctx.label.name, platform))
    args = ctx.actions.args()
    args.add(image)
    args.add(_PLATFORMS[platform])
    args.add(generated.path)
    args.add(ctx.label.package + "/" + ctx.label.name)
    args.add_all(ctx.files._runtime)
    args.add("--")
    args.add_all(ctx.files.srcs)
    ctx.actions.run(
        executable = ctx.executable._build,
        arguments = [args],
        inputs = [generated] + ctx.files.srcs + ctx.files._runtime,
        outputs = [image],
        mnemonic = "RametGo",
        progress_message = "Building %s for %s" % (ctx.label, platform),
    )
    return image

def _go_ramet_module_impl(ctx):
    generated = ctx.actions.declare_directory(ctx.label.name + "_go")
    names = proto_names(ctx)
    packages = ["M{}={}".format(name, _go_package(name)) for name in names]
    options = ["lang=go"]
    arguments = []
    if ctx.attr.messages == "bytes":
        options.append("messages=bytes")
    else:
        arguments.append("--plugin=protoc-gen-go=/usr/bin/protoc-gen-go")
        arguments.append("--go_out={}:{}".format(",".join(packages), generated.path))
    arguments.append("--ramet_out={}:{}".format(",".join(options + packages), generated.path))
    generate(ctx, generated, names, arguments)
    return pack_bundle(ctx, proto_infos(ctx), {
        platform: _image(ctx, platform, generated)
        for platform in ctx.attr.platforms
    })

_go_ramet_module = rule(
    implementation = _go_ramet_module_impl,
    attrs = dict(
        dict(BUNDLE_ATTRS, **GENERATE_ATTRS),
        platforms = attr.string_list(allow_empty = False, mandatory = True),
        srcs = attr.label_list(allow_files = [".go"], allow_empty = False, mandatory = True),
        _build = attr.label(
            default = "//codegen:go_build.sh",
            allow_single_file = True,
            executable = True,
            cfg = "exec",
        ),
        _runtime = attr.label(default = "//stub/go:runtime"),
    ),
)

def go_ramet_module(
        name,
        srcs,
        protos,
        platforms = ["linux-x86_64", "linux-aarch64"],
        **kwargs):
    """Builds a module in Go for its platforms and packs NAME.rmod.

    The images are static programs, built by Debian's go, offline.

    Args:
      name: of the bundle.
      srcs: Go files of package main, which call ramet.Run(). They may import
        the standard library, generated code, and Debian's golang-...-dev.
      protos: ramet_proto_librarys of the services. Of examples/greeter.proto
        comes the package "examples/greeterpb".
      platforms: what the module runs on.
      **kwargs: messages ("protobuf" or "bytes"), services, related, module_name,
        env, pass_env, idle_timeout, memory_mib as for ramet_module; tags, visibility, testonly.
    """
    for platform in platforms:
        if platform not in _PLATFORMS:
            fail("{}: no platform {}; there are {}".format(name, platform, _PLATFORMS.keys()))
    _go_ramet_module(
        name = name,
        platforms = platforms,
        protos = protos,
        srcs = srcs,
        **kwargs
    )
