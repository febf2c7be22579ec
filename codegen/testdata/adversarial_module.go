// Compiles all that is generated for Go, and serves some of it.
package main

import (
	_ "codegen/testdata/commentspb"
	_ "codegen/testdata/conflicts_belowpb"
	_ "codegen/testdata/conflicts_besidepb"
	"codegen/testdata/conflictspb"
	_ "codegen/testdata/importspb"
	"codegen/testdata/keywordspb"
	_ "codegen/testdata/limitspb"
	_ "codegen/testdata/messages_onlypb"
	_ "codegen/testdata/nestedpb"
	_ "codegen/testdata/no_packagepb"
	_ "codegen/testdata/odd-name.v1pb"
	_ "codegen/testdata/otherpb"
	_ "codegen/testdata/proto2pb"
	_ "codegen/testdata/public_importpb"
	"codegen/testdata/python_keywordspb"
	_ "codegen/testdata/streamspb"
	"ramet"
)

func main() {
	ramet.Run(
		conflictspb.NewGreeterService(
			conflictspb.UnimplementedGreeterService{}),
		keywordspb.NewClassService(keywordspb.UnimplementedClassService{}),
		python_keywordspb.NewGoFuncService(
			python_keywordspb.UnimplementedGoFuncService{}))
}
