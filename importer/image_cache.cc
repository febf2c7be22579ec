#include "importer/image_cache.h"

#include <memory>
#include <utility>

#include "core/base/sha256.h"
#include "core/base/strings.h"

namespace ramet::importer {

using core::Code;
using core::Status;

CachedImage* ImageCache::Find(std::string_view digest) {
  for (size_t i = images_.size(); i-- > 0;) {
    if (images_.at(i)->digest != digest) continue;
    return images_.Insert(++uses_, images_.Remove(images_.key_at(i)));
  }
  return nullptr;
}

CachedImage* ImageCache::FindOrRead(std::string_view digest) {
  CachedImage* image = Find(digest);
  std::string bytes;
  if (image == nullptr && disk_.Read(digest, &bytes) && !bytes.empty() &&
      core::Sha256Digest(bytes) == digest && MakeRoom(1, bytes.size())) {
    image = Add(digest);
    image->total = static_cast<uint32_t>(bytes.size());
    image->bytes.swap(bytes);
    image->complete = true;
  }
  return image;
}

CachedImage* ImageCache::Add(std::string_view digest) {
  if (!MakeRoom(1, 0)) return nullptr;
  auto image = std::make_unique<CachedImage>();
  image->digest.assign(digest);
  return images_.Insert(++uses_, std::move(image));
}

Status ImageCache::Append(CachedImage* image, uint32_t total, uint32_t offset,
                          std::string_view piece) {
  if (offset != image->bytes.size()) return Status();
  if (image->total == 0) {
    if (!MakeRoom(0, total)) {
      return core::Error(Code::kResourceExhausted,
                         {"no room for an image of ", total, " bytes"});
    }
    image->total = total;
    image->bytes.reserve(total);
  }
  if (piece.size() > image->total - offset) {
    return Status(Code::kDataLoss, "more bytes than announced");
  }
  image->bytes.append(piece);
  if (image->bytes.size() < image->total) return Status();
  if (core::Sha256Digest(image->bytes) != image->digest) {
    return Status(Code::kDataLoss, "wrong digest");
  }
  image->complete = true;
  disk_.Write(image->digest, image->bytes);
  return Status();
}

void ImageCache::Remove(const CachedImage* image) {
  for (size_t i = images_.size(); i-- > 0;) {
    if (images_.at(i) == image) images_.Remove(images_.key_at(i));
  }
}

CachedImage* ImageCache::AnyArriving() const {
  for (size_t i = 0; i < images_.size(); ++i) {
    if (!images_.at(i)->complete) return images_.at(i);
  }
  return nullptr;
}

size_t ImageCache::bytes() const {
  size_t bytes = 0;
  for (size_t i = 0; i < images_.size(); ++i) bytes += images_.at(i)->total;
  return bytes;
}

bool ImageCache::MakeRoom(size_t images, size_t bytes) {
  if (bytes > max_bytes_) return false;
  size_t i = 0;
  while (images_.size() + images > kMaxImages ||
         this->bytes() + bytes > max_bytes_) {
    if (i == images_.size()) return false;
    const CachedImage& image = *images_.at(i);
    if (image.complete && image.pins == 0) {
      images_.Remove(images_.key_at(i));
    } else {
      ++i;
    }
  }
  return true;
}

}  // namespace ramet::importer
