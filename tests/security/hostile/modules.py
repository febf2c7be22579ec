"""Bundles whose module is the hostile program."""

import subprocess

from fixtures import paths

RMOD_PACK = paths.REPOSITORY / "bazel-bin/tools/bundle/rmod_pack"
_PROTO = """syntax = "proto3";
package hostile.v1;
import "google/protobuf/empty.proto";
service Hostile {
  rpc Do(google.protobuf.Empty) returns (google.protobuf.Empty);
}
"""
METHOD = "/hostile.v1.Hostile/Do"


def pack(work, door):
  """A bundle of hostile.v1.Hostile, whose module comes to `door`."""
  folder = work.folder("hostile_module")
  work.write("hostile_module/hostile.proto", _PROTO)
  script = work.write("hostile_module/script", f"#!/bin/sh\n{door.command}\n")
  subprocess.run(["protoc", f"-I{folder}", "--include_imports",
                  f"--descriptor_set_out={folder}/descriptors",
                  "hostile.proto"], check=True)
  bundle = folder / "hostile.rmod"
  subprocess.run(
      [RMOD_PACK, f"--output={bundle}", "--name=hostile",
       f"--descriptors={folder}/descriptors", "--service_file=hostile.proto",
       f"--image=linux-x86_64={script}",
       f"--image=linux-aarch64={script}"], check=True)
  return bundle
