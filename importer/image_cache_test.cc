#include "importer/image_cache.h"

#include <gtest/gtest.h>

#include <string>

#include "core/base/sha256.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::Sha256Digest;
using core::Status;

class ImageCacheTest : public testing::Test {
 protected:
  // A whole image; false: there was no room.
  bool Put(const std::string& bytes) {
    CachedImage* const image = cache_.Add(Sha256Digest(bytes));
    if (image == nullptr) return false;
    const Status status =
        cache_.Append(image, static_cast<uint32_t>(bytes.size()), 0, bytes);
    if (!status.ok()) cache_.Remove(image);
    return status.ok();
  }
  bool Has(const std::string& bytes) {
    const CachedImage* const image = cache_.Find(Sha256Digest(bytes));
    return image != nullptr && image->complete && image->bytes == bytes;
  }
  static std::string Bytes(char fill, size_t size = 100) {
    return std::string(size, fill);
  }

  ImageCache cache_;
};

TEST_F(ImageCacheTest, TakesAnImageInPieces) {
  const std::string bytes = "an image in pieces";
  CachedImage* const image = cache_.Add(Sha256Digest(bytes));
  ASSERT_TRUE(cache_.Append(image, 18, 0, "an image ").ok());
  EXPECT_FALSE(image->complete);
  EXPECT_EQ(cache_.AnyArriving(), image);
  ASSERT_TRUE(cache_.Append(image, 18, 9, "in pieces").ok());
  EXPECT_TRUE(image->complete);
  EXPECT_EQ(cache_.AnyArriving(), nullptr);
  EXPECT_TRUE(Has(bytes));
}

TEST_F(ImageCacheTest, DropsAPieceThatDoesNotContinue) {
  const std::string bytes = "0123456789";
  CachedImage* const image = cache_.Add(Sha256Digest(bytes));
  ASSERT_TRUE(cache_.Append(image, 10, 0, "01234").ok());
  ASSERT_TRUE(cache_.Append(image, 10, 0, "01234").ok()) << "again";
  ASSERT_TRUE(cache_.Append(image, 10, 7, "789").ok()) << "with a gap";
  EXPECT_EQ(image->bytes, "01234");
  ASSERT_TRUE(cache_.Append(image, 10, 5, "56789").ok());
  EXPECT_TRUE(image->complete);
}

TEST_F(ImageCacheTest, RefusesAnotherDigestAtEveryByte) {
  const std::string bytes = "sixteen bytes :-";
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] ^= 1;
    CachedImage* const image = cache_.Add(Sha256Digest(bytes));
    EXPECT_EQ(cache_.Append(image, 16, 0, changed).code(), Code::kDataLoss);
    EXPECT_FALSE(image->complete);
    cache_.Remove(image);
  }
}

TEST_F(ImageCacheTest, RefusesMoreBytesThanAnnounced) {
  const std::string bytes = Bytes('x', 20);
  CachedImage* const image = cache_.Add(Sha256Digest(bytes));
  ASSERT_TRUE(cache_.Append(image, 10, 0, bytes.substr(0, 5)).ok());
  EXPECT_EQ(cache_.Append(image, 20, 5, bytes.substr(5)).code(),
            Code::kDataLoss)
      << "the length that was said first counts";
}

TEST_F(ImageCacheTest, TheLeastRecentlyUsedMakesRoom) {
  cache_.set_max_bytes(300);
  ASSERT_TRUE(Put(Bytes('a')) && Put(Bytes('b')) && Put(Bytes('c')));
  EXPECT_TRUE(Has(Bytes('a'))) << "which is a use";
  ASSERT_TRUE(Put(Bytes('d')));
  EXPECT_TRUE(Has(Bytes('a')));
  EXPECT_FALSE(Has(Bytes('b')));
  EXPECT_TRUE(Has(Bytes('c')));
  EXPECT_EQ(cache_.bytes(), 300u);
}

TEST_F(ImageCacheTest, AnImageWithAPinStays) {
  cache_.set_max_bytes(300);
  ASSERT_TRUE(Put(Bytes('a')) && Put(Bytes('b')) && Put(Bytes('c')));
  cache_.Find(Sha256Digest(Bytes('a')))->pins = 1;
  ASSERT_TRUE(Put(Bytes('d', 200)));
  EXPECT_TRUE(Has(Bytes('a')));
  EXPECT_FALSE(Put(Bytes('e', 250))) << "no room beside the pinned one";
  cache_.Find(Sha256Digest(Bytes('a')))->pins = 0;
  EXPECT_TRUE(Put(Bytes('e', 250)));
}

TEST_F(ImageCacheTest, AnImageThatArrivesStays) {
  cache_.set_max_bytes(300);
  const std::string bytes = Bytes('a', 200);
  CachedImage* const image = cache_.Add(Sha256Digest(bytes));
  ASSERT_TRUE(cache_.Append(image, 200, 0, bytes.substr(1)).ok());
  EXPECT_FALSE(Put(Bytes('b', 150)));
  EXPECT_TRUE(Put(Bytes('c', 100)));
  EXPECT_EQ(cache_.Find(Sha256Digest(bytes)), image);
}

TEST_F(ImageCacheTest, AnImageLargerThanAllIsRefusedAndEvictsNothing) {
  cache_.set_max_bytes(300);
  ASSERT_TRUE(Put(Bytes('a')));
  const std::string large = Bytes('l', 301);
  CachedImage* const image = cache_.Add(Sha256Digest(large));
  EXPECT_EQ(cache_.Append(image, 301, 0, large).code(),
            Code::kResourceExhausted);
  EXPECT_TRUE(Has(Bytes('a')));
}

TEST_F(ImageCacheTest, HasALimitOfImages) {
  for (size_t i = 0; i < ImageCache::kMaxImages; ++i) {
    ASSERT_NE(cache_.Add(Sha256Digest(std::to_string(i))), nullptr);
  }
  EXPECT_FALSE(Put("one too many"));
  cache_.Remove(cache_.AnyArriving());
  EXPECT_TRUE(Put("one too many"));
  EXPECT_TRUE(Put("another")) << "in its place";
  EXPECT_FALSE(Has("one too many"));
}

}  // namespace
}  // namespace ramet::importer
