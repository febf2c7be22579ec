#include <google/protobuf/compiler/plugin.h>

#include "codegen/generator.h"

int main(int argc, char** argv) {
  ramet::codegen::RametGenerator generator;
  return google::protobuf::compiler::PluginMain(argc, argv, &generator);
}
