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

# By C library and by what bundles call a platform: the CPU as the toolchain of
# modules calls it.
_CPUS = {
    "glibc": {
        "linux-aarch64": "gnu_aarch64",
        "linux-x86_64": "gnu_x86_64",
    },
    "musl": {
        "linux-aarch64": "musl_cxx_aarch64",
        "linux-x86_64": "musl_cxx_x86_64",
    },
}

_TOOLCHAINS = {
    "glibc": "//third_party/gnu:suite",
    "musl": "//third_party/musl_cxx:suite",
}

def _settings(platform, libc):
    if libc not in _CPUS:
        fail("no C library {}; there are {}".format(
            libc,
            ", ".join(sorted(_CPUS.keys())),
        ))
    cpus = _CPUS[libc]
    if platform not in cpus:
        fail("no platform {}; there are {}".format(
            platform,
            ", ".join(sorted(cpus.keys())),
        ))
    return {
        "//codegen:lite": True,
        "//command_line_option:compilation_mode": "opt",
        "//command_line_option:copt": _COPTS,
        "//command_line_option:cpu": cpus[platform],
        "//command_line_option:crosstool_top": _TOOLCHAINS[libc],
        "//command_line_option:cxxopt": ["-std=c++17"],
        "//command_line_option:features": ["-supports_dynamic_linker"],
        "//command_line_option:linkopt": _LINKOPTS,
        "//command_line_option:strip": "sometimes",
    }

_OUTPUTS = [
    "//codegen:lite",
    "//command_line_option:compilation_mode",
    "//command_line_option:copt",
    "//command_line_option:cpu",
    "//command_line_option:crosstool_top",
    "//command_line_option:cxxopt",
    "//command_line_option:features",
    "//command_line_option:linkopt",
    "//command_line_option:strip",
]

def _images_transition_impl(settings, attr):
    return {platform: _settings(platform, attr.libc) for platform in attr.platforms}

def _module_transition_impl(settings, attr):
    return _settings(attr.platforms[0], attr.libc)

# One configuration for each of the attribute `platforms`, by its name.
images_transition = transition(
    implementation = _images_transition_impl,
    inputs = [],
    outputs = _OUTPUTS,
)

# That of the first one, for what is the same on all.
module_transition = transition(
    implementation = _module_transition_impl,
    inputs = [],
    outputs = _OUTPUTS,
)
