"""debian_headers: some of /usr/include without glibc's headers beside them."""

def _debian_headers_impl(ctx):
    tree = ctx.actions.declare_directory(ctx.label.name)
    command = """set -e; out=$1; shift
while [ $# -gt 0 ]; do cp -rL "$2" "$out/$1"; shift 2; done"""
    arguments = [tree.path]
    for name, path in ctx.attr.paths.items():
        arguments += [name, path]
    ctx.actions.run_shell(
        command = command,
        arguments = arguments,
        outputs = [tree],
        mnemonic = "CopyHeaders",
    )
    return [DefaultInfo(files = depset([tree]))]

debian_headers = rule(
    implementation = _debian_headers_impl,
    doc = "A folder of copies, for compilers to search.",
    attrs = {
        "paths": attr.string_dict(
            mandatory = True,
            doc = "by name in the tree, what is copied: a file or a folder",
        ),
    },
)
