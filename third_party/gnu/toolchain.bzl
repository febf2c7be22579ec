"""A Bazel C++ toolchain of Debian's g++ and glibc for a machine named by GNU.

Bazel's own detected toolchain knows one machine only. The cross compiler looks
where Debian puts the other machine's libraries (/usr/lib/TRIPLE), and for
headers that are the same on all of them in /usr/include.
"""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")
load(
    "@bazel_tools//tools/cpp:cc_toolchain_config_lib.bzl",
    "feature",
    "flag_group",
    "flag_set",
    "tool_path",
)

_COMPILE = [
    ACTION_NAMES.c_compile,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.assemble,
    ACTION_NAMES.preprocess_assemble,
]

_LINK = [
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

def _gnu_toolchain_config_impl(ctx):
    triple = ctx.attr.arch + "-linux-gnu"
    cross = ctx.attr.arch != "x86_64"
    tools = "/usr/bin/{}-".format(triple)
    compile_flags = feature(
        name = "gnu_compile",
        enabled = True,
        flag_sets = [
            flag_set(actions = _COMPILE, flag_groups = [flag_group(flags = [
                "-DNDEBUG",
                # As Bazel's own toolchain has it.
                "-U_FORTIFY_SOURCE",
                "-D_FORTIFY_SOURCE=1",
                "-fstack-protector",
                "-fno-canonical-system-headers",
                "-no-canonical-prefixes",
                "-Wno-builtin-macro-redefined",
                "-D__DATE__=\"redacted\"",
                "-D__TIME__=\"redacted\"",
                "-D__TIMESTAMP__=\"redacted\"",
            ])]),
        ],
    )
    default_libs = feature(
        name = "default_libs",
        enabled = True,
        flag_sets = [
            flag_set(actions = _LINK, flag_groups = [flag_group(flags = [
                "-lstdc++",
                "-lm",
            ])]),
        ],
    )
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        toolchain_identifier = "gnu_" + ctx.attr.arch,
        host_system_name = "local",
        target_system_name = triple,
        target_cpu = "gnu_" + ctx.attr.arch,
        target_libc = "glibc",
        compiler = "gcc",
        abi_version = "local",
        abi_libc_version = "local",
        cxx_builtin_include_directories = [
            "/usr/include",
            "/usr/lib/{}/{}/{}/include".format(
                "gcc-cross" if cross else "gcc",
                triple,
                ctx.attr.gcc_version,
            ),
        ] + (["/usr/{}/include".format(triple)] if cross else []),
        features = [compile_flags, default_libs],
        tool_paths = [
            tool_path(name = name, path = tools + program)
            for name, program in [
                ("gcc", "g++"),
                ("cpp", "cpp"),
                ("ar", "ar"),
                ("ld", "ld"),
                ("nm", "nm"),
                ("objdump", "objdump"),
                ("strip", "strip"),
                ("gcov", "gcov"),
            ]
        ],
    )

gnu_toolchain_config = rule(
    implementation = _gnu_toolchain_config_impl,
    attrs = {
        "arch": attr.string(mandatory = True),
        "gcc_version": attr.string(mandatory = True),
    },
    provides = [CcToolchainConfigInfo],
)
