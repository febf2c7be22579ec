"""A Bazel C++ toolchain that links all of C++ with musl, static.

Debian has no C++ library for musl. Its libstdc++, protobuf-lite and Abseil are
compiled for glibc, whose binary interface musl mostly keeps; what differs is in
`include` and `support`. See README.md and docs/decisions/0014-musl-modules.md.
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

# Functions of which Debian's libraries want glibc's: `support` has them as
# __wrap_NAME.
_WRAPPED = [
    "__duplocale",
    "__freelocale",
    "__newlocale",
    "__nl_langinfo_l",
    "__uselocale",
    "exit",
    "pthread_once",
    "strerror_r",
]

# Of threads that do not ask for a size: glibc's. musl's would be 128 KiB.
_STACK_BYTES = 8 * 1024 * 1024

def _musl_cxx_toolchain_config_impl(ctx):
    triple = ctx.attr.arch + "-linux-gnu"
    musl = ctx.attr.arch + "-linux-musl"
    gcc = ctx.attr.gcc_version

    # Debian has a cross compiler's own files elsewhere than the compiler's.
    cross = ctx.attr.arch != "x86_64"
    headers = "/usr/{}/include".format(triple) if cross else "/usr/include"
    compiler = "/usr/lib/{}/{}/{}".format("gcc-cross" if cross else "gcc", triple, gcc)
    libc = "/usr/lib/" + musl
    system_includes = [
        "{}/c++/{}".format(headers, gcc),
        "{}/c++/{}/{}".format(headers, gcc, triple) if cross else "{}/{}/c++/{}".format(headers, triple, gcc),
        "{}/c++/{}/backward".format(headers, gcc),
        "/usr/include/" + musl,
        compiler + "/include",
        # By an absolute path, which Bazel takes as the system's: within a folder
        # of an action's it does not find again what the compiler has read.
        "/proc/self/cwd/" + ctx.file.headers.path,
    ]
    tools = "/usr/bin/{}-".format(triple)
    package = "/".join([part for part in [
        ctx.label.workspace_root,
        ctx.label.package,
    ] if part])
    includes = []
    for path in [package + "/include"] + system_includes:
        includes += ["-isystem", path]

    compile_flags = feature(
        name = "musl_cxx_compile",
        enabled = True,
        flag_sets = [
            flag_set(actions = _COMPILE, flag_groups = [flag_group(flags = [
                "-DNDEBUG",
                "-fstack-protector",
                "-fno-canonical-system-headers",
                "-no-canonical-prefixes",
                "-Wno-builtin-macro-redefined",
                "-D__DATE__=\"redacted\"",
                "-D__TIME__=\"redacted\"",
                "-D__TIMESTAMP__=\"redacted\"",
                "-nostdinc",
            ] + includes)]),
        ],
    )
    link_flags = feature(
        name = "musl_cxx_link",
        enabled = True,
        flag_sets = [
            flag_set(actions = _LINK, flag_groups = [flag_group(flags = [
                "-nostdlib",
                "-static",
                # musl's libm, libpthread and the like first.
                "-L" + libc,
                "-L/usr/lib/" + triple,
                "-Wl,--eh-frame-hdr",
                "-Wl,-z,stack-size={}".format(_STACK_BYTES),
                "-Wl,-T,{}/own_last.ld".format(package),
                libc + "/crt1.o",
                libc + "/crti.o",
                compiler + "/crtbegin.o",
            ] + ["-Wl,--wrap=" + name for name in _WRAPPED])]),
        ],
    )
    default_libs = feature(
        name = "default_libs",
        enabled = True,
        flag_sets = [
            flag_set(actions = _LINK, flag_groups = [flag_group(flags = [
                "-Wl,--start-group",
                "-l:libstdc++.a",
                "-lgcc",
                "-lgcc_eh",
                libc + "/libc.a",
                "-Wl,--end-group",
                compiler + "/crtend.o",
                libc + "/crtn.o",
            ])]),
        ],
    )
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        toolchain_identifier = "musl_cxx_" + ctx.attr.arch,
        host_system_name = "local",
        target_system_name = musl,
        target_cpu = "musl_cxx_" + ctx.attr.arch,
        target_libc = "musl",
        compiler = "gcc",
        abi_version = "local",
        abi_libc_version = "local",
        cxx_builtin_include_directories = system_includes,
        features = [compile_flags, link_flags, default_libs],
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

musl_cxx_toolchain_config = rule(
    implementation = _musl_cxx_toolchain_config_impl,
    attrs = {
        "arch": attr.string(mandatory = True),
        "gcc_version": attr.string(mandatory = True),
        # As the files of a cc_toolchain are configured, through which they are
        # inputs of compilations.
        "headers": attr.label(
            allow_single_file = True,
            cfg = "exec",
            mandatory = True,
        ),
    },
    provides = [CcToolchainConfigInfo],
)
