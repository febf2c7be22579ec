#include "importer/image_fetcher.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace ramet::importer {

using core::Code;
using core::ModuleNotice;
using core::Status;

void ImageFetcher::Get(ModuleNotice::Kind kind, std::string_view name,
                       Done done) {
  auto waiting = std::make_unique<Waiting>();
  waiting->kind = kind;
  waiting->name.assign(name);
  waiting->done = std::move(done);
  const uint64_t key = ++last_;
  waiting_.Insert(key, std::move(waiting));
  if (courier_->Ask(kind, name) || !waiting_.Has(key)) return;
  Finish(waiting_.size() - 1,
         Status(Code::kUnimplemented, "there is no such image"), {});
}

void ImageFetcher::OnNotice(const ModuleNotice& notice) {
  // Whoever is told may make others end.
  for (size_t i = waiting_.size(); i-- > 0; i = std::min(i, waiting_.size())) {
    Waiting& waiting = *waiting_.at(i);
    // Without a name, nothing is answered any more.
    if (!waiting.digest.empty() ||
        (!notice.name.empty() &&
         (notice.kind != waiting.kind || notice.name != waiting.name))) {
      continue;
    }
    if (notice.code != 0) {
      Finish(
          i,
          Status(core::CodeFromNumber(notice.code), "there is no such image"),
          {});
      continue;
    }
    const CachedImage* const image = courier_->Fetch(notice.digest);
    if (image == nullptr) {
      Finish(i, Status(Code::kResourceExhausted, "no room for its image"), {});
    } else if (image->complete) {
      Finish(i, Status(), image->bytes);
    } else {
      waiting.digest = notice.digest;
    }
  }
}

void ImageFetcher::OnImage(std::string_view digest, const Status& status) {
  for (size_t i = waiting_.size(); i-- > 0; i = std::min(i, waiting_.size())) {
    if (waiting_.at(i)->digest != digest) continue;
    const CachedImage* const image = courier_->cache()->Find(digest);
    Finish(
        i, status,
        image != nullptr ? std::string_view(image->bytes) : std::string_view());
  }
}

void ImageFetcher::Finish(size_t i, const Status& status,
                          std::string_view bytes) {
  waiting_.Remove(waiting_.key_at(i))->done(status, bytes);
}

}  // namespace ramet::importer
