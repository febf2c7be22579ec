"""The configuration that modules are built in, whatever the rest is built as."""

# A module is a normal static program for its target. Sanitizers, debugging and
# developers' flags belong to the build around it.
_COPTS = [
    "-Os",
    "-fno-pie",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-ident",
    "-fno-asynchronous-unwind-tables",
    "-Wall",
    "-Wno-unused-parameter",
]

_LINKOPTS = [
    "-static",
    "-no-pie",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-Wl,--hash-style=gnu",
    "-Wl,-s",
]

def _module_transition_impl(settings, attr):
    return {
        "//codegen:lite": True,
        "//command_line_option:compilation_mode": "opt",
        "//command_line_option:copt": _COPTS,
        "//command_line_option:cxxopt": ["-std=c++17"],
        "//command_line_option:features": ["-supports_dynamic_linker"],
        "//command_line_option:linkopt": _LINKOPTS,
        "//command_line_option:strip": "sometimes",
    }

module_transition = transition(
    implementation = _module_transition_impl,
    inputs = [],
    outputs = [
        "//codegen:lite",
        "//command_line_option:compilation_mode",
        "//command_line_option:copt",
        "//command_line_option:cxxopt",
        "//command_line_option:features",
        "//command_line_option:linkopt",
        "//command_line_option:strip",
    ],
)
