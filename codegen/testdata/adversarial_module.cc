// Everything with protobuf-lite, in one image.
#include "codegen/testdata/comments.ramet.h"
#include "codegen/testdata/conflicts.ramet.h"
#include "codegen/testdata/imports.ramet.h"
#include "codegen/testdata/keywords.ramet.h"
#include "codegen/testdata/messages_only.ramet.h"
#include "codegen/testdata/nested.ramet.h"
#include "codegen/testdata/no_package.ramet.h"
#include "codegen/testdata/odd-name.v1.ramet.h"
#include "codegen/testdata/proto2.ramet.h"
#include "codegen/testdata/streams.ramet.h"
#include "stub/module_main.h"

// Nothing is overridden: every method is UNIMPLEMENTED.
RAMET_MODULE(NoPackageService, adversarial::comments::CommentsService,
             adversarial::conflicts::GreeterService_,
             adversarial::imports::ImportsService,
             adversarial::keywords::classService,
             adversarial::odd_name::OddNameService,
             adversarial::proto2::Proto2Service,
             adversarial::streams::StreamsService,
             adversarial::streams::OnlyService,
             adversarial::ramet::stub::absl::google::protobuf::NestedService)
