"""musl_binary: a cc_binary, built with the musl toolchain wherever it is used."""

# By what bundles and agents call a platform: the machine in GNU's triples.
_MACHINES = {
    "linux-aarch64": "aarch64",
    "linux-x86_64": "x86_64",
}

def _musl_transition_impl(settings, attr):
    return {
        "//command_line_option:cpu": "musl_" + _MACHINES[attr.platform],
        "//command_line_option:crosstool_top": "//third_party/musl:suite",
        "//command_line_option:compilation_mode": "opt",
        # Sanitizers and developers' flags belong to the build of the host.
        "//command_line_option:copt": [],
        "//command_line_option:cxxopt": [],
        "//command_line_option:linkopt": [],
        "//command_line_option:features": [],
        "//command_line_option:strip": "sometimes",
    }

_musl_transition = transition(
    implementation = _musl_transition_impl,
    inputs = [],
    outputs = [
        "//command_line_option:cpu",
        "//command_line_option:crosstool_top",
        "//command_line_option:compilation_mode",
        "//command_line_option:copt",
        "//command_line_option:cxxopt",
        "//command_line_option:linkopt",
        "//command_line_option:features",
        "//command_line_option:strip",
    ],
)

def _musl_binary_impl(ctx):
    stripped = ctx.actions.declare_file(ctx.label.name + ".stripped")
    out = ctx.actions.declare_file(ctx.label.name)

    # The libraries' unwind tables, which nothing here can use.
    ctx.actions.run(
        executable = "/usr/bin/{}-linux-gnu-objcopy".format(_MACHINES[ctx.attr.platform]),
        arguments = [
            "--remove-section=.eh_frame",
            "--remove-section=.gcc_except_table",
            "--remove-section=.comment",
            ctx.executable.binary.path,
            stripped.path,
        ],
        inputs = [ctx.executable.binary],
        outputs = [stripped],
        mnemonic = "StripUnwindTables",
    )
    ctx.actions.run(
        executable = ctx.executable._drop_section_headers,
        arguments = [stripped.path, out.path],
        inputs = [stripped],
        outputs = [out],
        mnemonic = "DropSectionHeaders",
    )
    return [DefaultInfo(files = depset([out]), executable = out)]

musl_binary = rule(
    implementation = _musl_binary_impl,
    attrs = {
        "binary": attr.label(
            mandatory = True,
            executable = True,
            cfg = _musl_transition,
        ),
        "platform": attr.string(
            default = "linux-x86_64",
            values = _MACHINES.keys(),
        ),
        "_drop_section_headers": attr.label(
            default = "//tools/elf:drop_section_headers",
            executable = True,
            cfg = "exec",
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    executable = True,
)
