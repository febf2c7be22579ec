"""packed_binary: a program that carries another one packed, and becomes it."""

load("//third_party/musl:transition.bzl", "musl_binary")

def packed_binary(name, binary, platform = "linux-x86_64", **kwargs):
    """Packs `binary`, a musl_binary. See unpack.cc.

    Args:
      name: of the packed program.
      binary: what it becomes when it is started.
      platform: that of `binary`.
      **kwargs: testonly and the like, for all targets.
    """
    native.genrule(
        name = name + "_image",
        srcs = [binary],
        outs = [name + "_image.cc"],
        cmd = "$(location //tools/pack:pack_image) $(location {}) $@".format(binary),
        tags = ["manual"],
        tools = ["//tools/pack:pack_image"],
        **kwargs
    )
    native.cc_binary(
        name = name + "_program",
        srcs = [name + "_image.cc"],
        # No libraries: a call of one is an error.
        features = ["-default_libs"],
        linkopts = ["-nostartfiles"],
        tags = ["manual"],
        deps = [
            "//agent/unpacker:packed_image",
            "//agent/unpacker:unpack",
        ],
        **kwargs
    )
    musl_binary(
        name = name,
        binary = ":" + name + "_program",
        platform = platform,
        **kwargs
    )
