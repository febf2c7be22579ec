"""A Bazel C++ toolchain that makes static musl programs with Debian's g++.

musl-tools has no C++ library, but libstdc++'s headers and archive work against
musl when exceptions and RTTI are off. See docs/decisions/0001-musl-agent.md.
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

_CPP = [ACTION_NAMES.cpp_compile]

_LINK = [
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

def _musl_toolchain_config_impl(ctx):
    triple = ctx.attr.arch + "-linux-gnu"
    musl = ctx.attr.arch + "-linux-musl"
    gcc = ctx.attr.gcc_version

    # Debian has a cross compiler's own files elsewhere than the compiler's.
    cross = ctx.attr.arch != "x86_64"
    headers = "/usr/{}/include".format(triple) if cross else "/usr/include"
    system_includes = [
        "{}/c++/{}".format(headers, gcc),
        "{}/c++/{}/{}".format(headers, gcc, triple) if cross else "{}/{}/c++/{}".format(headers, triple, gcc),
        "/usr/include/" + musl,
        "/usr/lib/{}/{}/{}/include".format("gcc-cross" if cross else "gcc", triple, gcc),
    ]
    tools = "/usr/bin/{}-".format(triple)
    includes = []
    for path in system_includes:
        includes += ["-isystem", path]

    compile_flags = feature(
        name = "musl_compile",
        enabled = True,
        flag_sets = [
            flag_set(actions = _COMPILE, flag_groups = [flag_group(flags = [
                "-Oz",
                "-flto",
                "-DNDEBUG",
                "-D_GNU_SOURCE",
                "-fno-stack-protector",
                "-fno-asynchronous-unwind-tables",
                "-fno-unwind-tables",
                "-ffunction-sections",
                "-fdata-sections",
                "-fno-pie",
                "-fno-sized-deallocation",
                # What -Os still does for speed.
                "-fno-gcse",
                "-fno-if-conversion",
                "-fno-if-conversion2",
                "-fno-ivopts",
                "-fno-reorder-blocks",
                "-fno-schedule-insns2",
                "-fno-tree-pre",
                # And what costs more bytes than it saves: saving registers
                # around calls, constants kept out of loops.
                "-fno-caller-saves",
                "-fno-code-hoisting",
                "-fno-move-loop-invariants",
                "-fno-optimize-sibling-calls",
                "-fno-reorder-functions",
                "-fno-shrink-wrap",
                "-fno-strict-aliasing",
                "-fno-tree-dominator-opts",
                "-fno-tree-loop-optimize",
                "-fno-ident",
                "-no-canonical-prefixes",
                "-Wno-builtin-macro-redefined",
                "-D__DATE__=\"redacted\"",
                "-D__TIME__=\"redacted\"",
                "-D__TIMESTAMP__=\"redacted\"",
                "-nostdinc",
            ] + ctx.attr.copts + includes)]),
            flag_set(actions = _CPP, flag_groups = [flag_group(flags = [
                "-std=c++17",
                "-fno-exceptions",
                "-fno-rtti",
                "-fno-threadsafe-statics",
                "-D__locale_t=locale_t",
                "-D__GLIBC_PREREQ(a,b)=0",
            ])]),
        ],
    )
    link_flags = feature(
        name = "musl_link",
        enabled = True,
        flag_sets = [
            flag_set(actions = _LINK, flag_groups = [flag_group(flags = [
                "-specs",
                "/usr/lib/{0}/musl-gcc.specs".format(musl),
                "-static",
                "-Oz",
                "-flto",
                # All at once, so that what is alike is found everywhere.
                "-flto-partition=one",
                "-fno-exceptions",
                "-fno-inline-small-functions",
                "-no-pie",
                "-fno-pie",
                "-nodefaultlibs",
                "-Wl,--gc-sections",
                "-Wl,--build-id=none",
                "-Wl,-z,norelro",
                "-Wl,-z,noseparate-code",
                "-Wl,--hash-style=gnu",
                "-s",
            ] + ctx.attr.copts)]),
        ],
    )
    default_libs = feature(
        name = "default_libs",
        enabled = True,
        flag_sets = [
            flag_set(actions = _LINK, flag_groups = [flag_group(flags = [
                "-Wl,--start-group",
                "-l:libstdc++.a",
                "-lc",
                "-lgcc",
                "-Wl,--end-group",
            ])]),
        ],
    )

    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        toolchain_identifier = "musl_" + ctx.attr.arch,
        host_system_name = "local",
        target_system_name = musl,
        target_cpu = "musl_" + ctx.attr.arch,
        target_libc = "musl",
        compiler = "gcc",
        abi_version = "local",
        abi_libc_version = "local",
        cxx_builtin_include_directories = system_includes,
        features = [compile_flags, link_flags, default_libs],
        tool_paths = [
            tool_path(name = "gcc", path = tools + "g++"),
            tool_path(name = "cpp", path = tools + "cpp"),
            tool_path(name = "ar", path = tools + "ar"),
            tool_path(name = "ld", path = tools + "ld"),
            tool_path(name = "nm", path = tools + "nm"),
            tool_path(name = "objdump", path = tools + "objdump"),
            tool_path(name = "strip", path = tools + "strip"),
            tool_path(name = "gcov", path = tools + "gcov"),
        ],
    )

musl_toolchain_config = rule(
    implementation = _musl_toolchain_config_impl,
    attrs = {
        "arch": attr.string(mandatory = True),
        "copts": attr.string_list(doc = "what only this machine needs"),
        "gcc_version": attr.string(mandatory = True),
    },
    provides = [CcToolchainConfigInfo],
)
