"""fuzz_target: a libFuzzer program and the test that replays its corpus."""

def fuzz_target(name, deps):
    """Makes of NAME.cc, which defines LLVMFuzzerTestOneInput:

      NAME              the fuzzer; builds with --config=fuzz only
      NAME_corpus_test  runs it once over every file of corpus/NAME/

    Args:
      name: of the fuzzer and of its source.
      deps: of the source.
    """
    native.cc_library(
        name = name + "_lib",
        testonly = True,
        srcs = [name + ".cc"],
        deps = deps + [":fuzz_input"],
        alwayslink = True,
    )
    native.cc_binary(
        name = name,
        testonly = True,
        linkopts = ["-fsanitize=fuzzer"],
        # Only clang has libFuzzer: //... leaves it out.
        tags = ["manual"],
        deps = [":" + name + "_lib"],
    )
    native.filegroup(
        name = name + "_corpus",
        testonly = True,
        srcs = native.glob(["corpus/" + name + "/*"]),
    )
    native.cc_test(
        name = name + "_corpus_test",
        size = "small",
        srcs = ["replay_main.cc"],
        args = ["$(rootpaths :" + name + "_corpus)"],
        data = [":" + name + "_corpus"],
        deps = [
            ":fuzz_input",
            ":" + name + "_lib",
        ],
    )
