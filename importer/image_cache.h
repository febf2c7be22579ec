#ifndef IMPORTER_IMAGE_CACHE_H_
#define IMPORTER_IMAGE_CACHE_H_

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>

#include "core/base/id_map.h"
#include "core/base/status.h"
#include "importer/disk_cache.h"

namespace ramet::importer {

// One image as it travels, here or on its way here.
struct CachedImage {
  std::string digest;     // SHA-256 of all its bytes
  std::string bytes;      // those that have arrived
  uint32_t total = 0;     // 0: not known yet
  uint32_t pins = 0;      // how many still need it
  bool complete = false;  // all are here, and the digest is right
};

// The images that a context has, by digest. What it was given is given on to
// its children from here, and started from here.
//
// Bounded: when there is no room, images without pins make room, the least
//   recently used first. One that is arriving stays.
// Ownership: pointers are valid until the next Add() or Append(), and as long
//   as the image is arriving or has a pin.
// Threads: the loop's.
class ImageCache {
 public:
  // Deflated images of a context, in memory: far above what a program that
  // travels should have, a small part of what its target has.
  static constexpr size_t kDefaultMaxBytes = 64 * 1024 * 1024;
  static constexpr size_t kMaxImages = 256;

  ImageCache() = default;
  ImageCache(const ImageCache&) = delete;
  ImageCache& operator=(const ImageCache&) = delete;

  void set_max_bytes(size_t bytes) { max_bytes_ = bytes; }
  DiskCache& disk() { return disk_; }

  // Null: it is not in memory.
  CachedImage* Find(std::string_view digest);
  // The same, from the disk when it is only there.
  CachedImage* FindOrRead(std::string_view digest);

  // An image without bytes yet, which is not here. Null: there are too many.
  CachedImage* Add(std::string_view digest);

  // Takes the bytes at `offset` of an image of `total` bytes, of which not all
  // are here; what does not continue those before is dropped. When it fails the
  // image is of no use:
  //   DATA_LOSS           more than `total` bytes, or another digest
  //   RESOURCE_EXHAUSTED  it is larger than the room that there is for it
  core::Status Append(CachedImage* image, uint32_t total, uint32_t offset,
                      std::string_view piece);

  void Remove(const CachedImage* image);

  // For so many more images, of so many bytes more. False: that can't be.
  bool MakeRoom(size_t images, size_t bytes);

  // One that is on its way; null: none is.
  CachedImage* AnyArriving() const;

  size_t size() const { return images_.size(); }
  // Of what is here or has begun to arrive.
  size_t bytes() const;

 private:
  size_t max_bytes_ = kDefaultMaxBytes;
  DiskCache disk_;
  core::IdMap<CachedImage> images_;  // the least recently used first
  uint64_t uses_ = 0;
};

}  // namespace ramet::importer

#endif  // IMPORTER_IMAGE_CACHE_H_
