"""py_ramet_module: a service in Python as a bundle, NAME.rmod."""

load(
    ":bundle_actions.bzl",
    "BUNDLE_ATTRS",
    "GENERATE_ATTRS",
    "generate",
    "pack_bundle",
    "proto_infos",
    "proto_names",
)

# One script for every platform that has a python3.
_PLATFORM = "any"

def _script(ctx, main, generated):
    """One file of the runtime, generated code, and the module's own."""
    script = ctx.actions.declare_file(ctx.label.name + ".script")
    sources = depset(
        [src for src in ctx.files.srcs if src != main],
        transitive = [dep[PyInfo].transitive_sources for dep in ctx.attr.deps],
    ).to_list()
    args = ctx.actions.args()
    args.add([f for f in ctx.files._zip_script if f.basename == "zip_script.py"][0])
    args.add(script, format = "--output=%s")
    args.add(main, format = "--main=%s")
    for source in ctx.files._runtime:
        args.add(source, format = "--stripped=ramet_module/{}=%s".format(source.basename))
    for source in sources:
        args.add(source, format = "--file={}=%s".format(source.short_path))
    args.add(generated.path, format = "--folder=%s")
    ctx.actions.run(
        executable = "/usr/bin/python3",
        arguments = [args],
        inputs = [main, generated] + sources + ctx.files._runtime + ctx.files._zip_script,
        outputs = [script],
        mnemonic = "RametZipScript",
    )
    return script

def _py_ramet_module_impl(ctx):
    generated = ctx.actions.declare_directory(ctx.label.name + "_py")
    arguments = ["--python_out=" + generated.path]
    options = "lang=python"
    if ctx.attr.messages == "bytes":
        arguments = []
        options += ",messages=bytes"
    arguments.append("--ramet_out={}:{}".format(options, generated.path))
    generate(ctx, generated, proto_names(ctx), arguments)
    return pack_bundle(ctx, proto_infos(ctx), {_PLATFORM: _script(ctx, ctx.file.main, generated)})

_py_ramet_module = rule(
    implementation = _py_ramet_module_impl,
    attrs = dict(
        dict(BUNDLE_ATTRS, **GENERATE_ATTRS),
        deps = attr.label_list(providers = [PyInfo]),
        main = attr.label(allow_single_file = [".py"], mandatory = True),
        srcs = attr.label_list(allow_files = [".py"]),
        _runtime = attr.label(default = "//stub/python:runtime"),
        _zip_script = attr.label(default = "//tools/bundle:zip_script"),
    ),
)

def py_ramet_module(name, srcs, protos, main = None, **kwargs):
    """Packs a module in Python as NAME.rmod, for every platform.

    What travels is one script: a zip archive with an interpreter line, which
    has the runtime, generated code and the sources. The target needs python3,
    3.6 or later, and google.protobuf unless `messages` is "bytes".

    Args:
      name: of the bundle.
      srcs: Python files; others import them by their path in the workspace.
      protos: ramet_proto_librarys of the services. examples/greeter.proto
        becomes examples.greeter_ramet and, but for bytes, examples.greeter_pb2.
      main: the one of `srcs` that calls ramet_module.run(); may be left out
        when there is only one.
      **kwargs: deps (py_librarys), messages ("protobuf" or "bytes"), services,
        related, module_name, env, pass_env, idle_timeout, memory_mib as for
        ramet_module; tags, visibility, testonly.
    """
    if not main and len(srcs) != 1:
        fail("{}: main: which of srcs runs the module?".format(name))
    _py_ramet_module(
        name = name,
        main = main or srcs[0],
        protos = protos,
        srcs = srcs,
        **kwargs
    )
