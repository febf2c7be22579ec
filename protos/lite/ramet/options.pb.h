#ifndef PROTOS_LITE_RAMET_OPTIONS_PB_H_
#define PROTOS_LITE_RAMET_OPTIONS_PB_H_

// In place of the header that protoc makes for ramet/options.proto, for
// programs with protobuf-lite: options extend descriptors, which lite programs
// do not have, and generated code only includes this.

#endif  // PROTOS_LITE_RAMET_OPTIONS_PB_H_
