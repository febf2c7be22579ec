// Weak stand-ins for what Debian's libraries link and a module does not reach: if
// it does use what they are part of, the library's own are linked as well, and
// take their place.

  .text
  .p2align 4
  // Of messages with extensions, which make an ExtensionSet.
  .weak _ZN6google8protobuf8internal12ExtensionSet10ParseFieldEmPKcPKNS0_11MessageLiteEPNS1_16InternalMetadataEPNS1_12ParseContextE
_ZN6google8protobuf8internal12ExtensionSet10ParseFieldEmPKcPKNS0_11MessageLiteEPNS1_16InternalMetadataEPNS1_12ParseContextE:
  .weak _ZNK6google8protobuf8internal12ExtensionSet22_InternalSerializeImplEPKNS0_11MessageLiteEiiPhPNS0_2io19EpsCopyOutputStreamE
_ZNK6google8protobuf8internal12ExtensionSet22_InternalSerializeImplEPKNS0_11MessageLiteEiiPhPNS0_2io19EpsCopyOutputStreamE:
  // Of a kind of cord that was an experiment: only whoever makes one destroys it.
  .weak _ZN4absl7debian313cord_internal11CordRepRing7DestroyEPS2_
_ZN4absl7debian313cord_internal11CordRepRing7DestroyEPS2_:
  // Of cords that are samples, of which there are none.
  .weak _ZN4absl7debian313cord_internal9CordzInfo4LockENS1_18CordzUpdateTracker16MethodIdentifierE
_ZN4absl7debian313cord_internal9CordzInfo4LockENS1_18CordzUpdateTracker16MethodIdentifierE:
  .weak _ZN4absl7debian313cord_internal9CordzInfo6UnlockEv
_ZN4absl7debian313cord_internal9CordzInfo6UnlockEv:
  .weak _ZN4absl7debian313cord_internal9CordzInfo7UntrackEv
_ZN4absl7debian313cord_internal9CordzInfo7UntrackEv:
  .weak _ZNK4absl7debian35Mutex10AssertHeldEv
_ZNK4absl7debian35Mutex10AssertHeldEv:
#if defined(__x86_64__)
  jmp ramet_unreached
#elif defined(__aarch64__)
  b ramet_unreached
#else
#error "a platform that ramet does not know"
#endif

  // Called for one cord in some 50,000, to make it a sample for a profiler.
  .weak _ZN4absl7debian313cord_internal9CordzInfo18MaybeTrackCordImplERNS1_10InlineDataERKS3_NS1_18CordzUpdateTracker16MethodIdentifierE
_ZN4absl7debian313cord_internal9CordzInfo18MaybeTrackCordImplERNS1_10InlineDataERKS3_NS1_18CordzUpdateTracker16MethodIdentifierE:
  .weak _ZN4absl7debian313cord_internal9CordzInfo9TrackCordERNS1_10InlineDataENS1_18CordzUpdateTracker16MethodIdentifierE
_ZN4absl7debian313cord_internal9CordzInfo9TrackCordERNS1_10InlineDataENS1_18CordzUpdateTracker16MethodIdentifierE:
  ret

  .section .note.GNU-stack, "", %progbits
