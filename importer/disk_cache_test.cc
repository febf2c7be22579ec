#include "importer/disk_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "core/base/sha256.h"
#include "importer/image_cache.h"

namespace ramet::importer {
namespace {

using core::Sha256Digest;

class DiskCacheTest : public testing::Test {
 protected:
  DiskCacheTest() {
    std::string pattern = testing::TempDir() + "disk_cacheXXXXXX";
    root_ = mkdtemp(pattern.data());
    path_ = root_ + "/cache";
  }
  void Open(DiskCache* cache) {
    cache->Open(path_,
                [this](std::string_view line) { log_.emplace_back(line); });
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    DIR* const directory = opendir(path_.c_str());
    while (const dirent* const entry = readdir(directory)) {
      if (entry->d_name[0] != '.') names.push_back(entry->d_name);
    }
    closedir(directory);
    return names;
  }
  std::string FileOf(const std::string& bytes) const {
    std::string name = path_ + '/';
    for (const char byte : Sha256Digest(bytes)) {
      char hex[3];
      snprintf(hex, sizeof hex, "%02x", static_cast<unsigned char>(byte));
      name += hex;
    }
    return name;
  }
  // When it was last used.
  static void SetAge(const std::string& file, int64_t seconds) {
    timespec times[2] = {{time(nullptr) - seconds, 0}, {}};
    times[1] = times[0];
    ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0) << file;
  }
  static bool Has(DiskCache* cache, const std::string& bytes) {
    std::string read;
    return cache->Read(Sha256Digest(bytes), &read) && read == bytes;
  }

  std::string root_;
  std::string path_;
  std::vector<std::string> log_;
};

TEST_F(DiskCacheTest, KeepsAnImageForTheNextContext) {
  DiskCache first;
  Open(&first);
  EXPECT_FALSE(Has(&first, "image"));
  first.Write(Sha256Digest("image"), "image");
  DiskCache second;
  Open(&second);
  EXPECT_TRUE(Has(&second, "image"));
  EXPECT_EQ(path_ + "/" + Files().at(0), FileOf("image"));
  EXPECT_EQ(Files().size(), 1u) << "nothing unfinished stays";
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  EXPECT_TRUE(log_.empty());
}

TEST_F(DiskCacheTest, WithoutADirectoryItKeepsNothing) {
  DiskCache cache;
  cache.Write(Sha256Digest("image"), "image");
  EXPECT_FALSE(Has(&cache, "image"));
}

TEST_F(DiskCacheTest, ADirectoryThatOthersMayEnterIsNotUsed) {
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  for (const mode_t mode : {0701, 0710, 0704, 0770, 0777}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    DiskCache cache;
    Open(&cache);
    cache.Write(Sha256Digest("image"), "image");
    EXPECT_FALSE(Has(&cache, "image"));
  }
  EXPECT_TRUE(Files().empty());
  ASSERT_EQ(log_.size(), 5u);
  EXPECT_EQ(log_[0], "images are not kept in " + path_ +
                         ": its owner or mode: Operation not permitted");
}

TEST_F(DiskCacheTest, ASymbolicLinkIsNotFollowed) {
  const std::string elsewhere = root_ + "/elsewhere";
  ASSERT_EQ(mkdir(elsewhere.c_str(), 0700), 0);
  ASSERT_EQ(symlink(elsewhere.c_str(), path_.c_str()), 0);
  DiskCache linked;
  Open(&linked);
  linked.Write(Sha256Digest("image"), "image");
  EXPECT_TRUE(Files().empty());
  EXPECT_EQ(log_.size(), 1u);

  path_ = elsewhere;
  DiskCache cache;
  Open(&cache);
  std::ofstream(root_ + "/secret") << "secret";
  const std::string file = FileOf("secret");
  ASSERT_EQ(symlink((root_ + "/secret").c_str(), file.c_str()), 0);
  EXPECT_FALSE(Has(&cache, "secret"));
  cache.Write(Sha256Digest("secret"), "secret");
  EXPECT_TRUE(Has(&cache, "secret")) << "the link was replaced";
  struct stat info;
  ASSERT_EQ(lstat(file.c_str(), &info), 0);
  EXPECT_TRUE(S_ISREG(info.st_mode));
}

TEST_F(DiskCacheTest, WhatIsNoFileIsNotRead) {
  DiskCache cache;
  Open(&cache);
  ASSERT_EQ(mkdir(FileOf("directory").c_str(), 0700), 0);
  ASSERT_EQ(mkfifo(FileOf("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(Has(&cache, "directory"));
  EXPECT_FALSE(Has(&cache, "pipe")) << "and nobody hangs";
}

TEST_F(DiskCacheTest, AFileThatWasTamperedWithIsNotUsedAndThenReplaced) {
  for (const std::string& tampered :
       {std::string("imag"), std::string(), std::string("imagf"),
        std::string("image!")}) {
    ImageCache cache;
    cache.disk().Open(path_, nullptr);
    std::ofstream(FileOf("image"), std::ios::trunc) << tampered;
    EXPECT_EQ(cache.FindOrRead(Sha256Digest("image")), nullptr) << tampered;
    CachedImage* const image = cache.Add(Sha256Digest("image"));
    ASSERT_TRUE(cache.Append(image, 5, 0, "image").ok());
    ImageCache next;
    next.disk().Open(path_, nullptr);
    const CachedImage* const read = next.FindOrRead(Sha256Digest("image"));
    ASSERT_NE(read, nullptr) << tampered;
    EXPECT_EQ(read->bytes, "image");
  }
}

// Two writers of one file, and a reader, as other contexts on the machine.
TEST_F(DiskCacheTest, WritersAtTheSameTimeDoNotHarmOneAnother) {
  const std::string bytes(300'000, 'x');
  DiskCache cache;
  Open(&cache);
  std::vector<pid_t> writers;
  for (int i = 0; i < 4; ++i) {
    const pid_t pid = fork();
    if (pid == 0) {
      for (int round = 0; round < 30; ++round) {
        cache.Write(Sha256Digest(bytes), bytes);
        std::string read;
        if (!cache.Read(Sha256Digest(bytes), &read) || read != bytes) _exit(1);
      }
      _exit(0);
    }
    writers.push_back(pid);
  }
  for (const pid_t pid : writers) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(Files().size(), 1u);
}

TEST_F(DiskCacheTest, TheLeastRecentlyUsedMakesRoom) {
  DiskCache cache;
  Open(&cache);
  cache.set_max_bytes(1000);
  const std::string a(400, 'a'), b(400, 'b'), c(400, 'c'), d(200, 'd');
  for (const std::string& bytes : {a, b})
    cache.Write(Sha256Digest(bytes), bytes);
  SetAge(FileOf(a), 2000);
  SetAge(FileOf(b), 1000);
  EXPECT_TRUE(Has(&cache, a)) << "it was used now";
  cache.Write(Sha256Digest(c), c);
  EXPECT_FALSE(Has(&cache, b));
  SetAge(FileOf(a), 1000);
  SetAge(FileOf(c), 2000);
  cache.Write(Sha256Digest(d), d);
  EXPECT_EQ(Files().size(), 3u) << "just as much as may be";
  cache.Write(Sha256Digest("e"), "e");
  EXPECT_FALSE(Has(&cache, c));
  for (const std::string& bytes : {a, d, std::string("e")}) {
    EXPECT_TRUE(Has(&cache, bytes));
  }
  // One that needs the room of several.
  const std::string large(1000, 'l');
  cache.Write(Sha256Digest(large), large);
  EXPECT_TRUE(Has(&cache, large));
  EXPECT_EQ(Files().size(), 1u);
  // And one that would need more than there is.
  const std::string larger(1001, 'l');
  cache.Write(Sha256Digest(larger), larger);
  EXPECT_TRUE(Has(&cache, large));
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_TRUE(log_.empty());
}

TEST_F(DiskCacheTest, HasALimitOfFiles) {
  DiskCache cache;
  Open(&cache);
  for (size_t i = 0; i < DiskCache::kMaxFiles; ++i) {
    const std::string file = FileOf(std::to_string(i));
    std::ofstream(file) << i;
    SetAge(file, i == 77 ? 2000 : 1000);
  }
  cache.Write(Sha256Digest("more"), "more");
  EXPECT_EQ(Files().size(), DiskCache::kMaxFiles);
  EXPECT_FALSE(Has(&cache, "77"));
  EXPECT_TRUE(Has(&cache, "76"));
}

TEST_F(DiskCacheTest, WhatIsNotTheCachesStays) {
  DiskCache cache;
  Open(&cache);
  cache.set_max_bytes(10);
  const std::string digest = FileOf("x");
  const std::string upper = path_ + '/' + std::string(64, 'A');
  const std::vector<std::string> files = {
      path_ + "/notes",
      upper,
      digest + "0",
      digest.substr(0, digest.size() - 1),
      digest + ".txt",
      digest + ".",
      digest + ".12a",
      digest + "-12",
      path_ + '/' + std::string(40, 'a') + '.' + std::string(23, '1')};
  for (const std::string& file : files) {
    std::ofstream(file) << std::string(100, 'x');
    SetAge(file, 1'000'000);
  }
  ASSERT_EQ(mkdir(FileOf("directory").c_str(), 0700), 0);
  std::ofstream(root_ + "/elsewhere") << std::string(100, 'x');
  ASSERT_EQ(symlink((root_ + "/elsewhere").c_str(), FileOf("link").c_str()), 0);
  cache.Write(Sha256Digest("image"), "image");
  cache.Write(Sha256Digest("image 2"), "image 2");
  EXPECT_FALSE(Has(&cache, "image"));
  EXPECT_TRUE(Has(&cache, "image 2"));
  EXPECT_EQ(Files().size(), files.size() + 3);
  EXPECT_EQ(access((root_ + "/elsewhere").c_str(), F_OK), 0);
}

TEST_F(DiskCacheTest, UnfinishedFilesOfTheDeadAreRemoved) {
  DiskCache cache;
  Open(&cache);
  cache.set_max_bytes(10);
  const std::string dead = FileOf("dead") + ".4711";
  const std::string alive = FileOf("alive") + ".4712";
  for (const std::string& file : {dead, alive}) {
    std::ofstream(file) << "unfinished";
  }
  SetAge(dead, DiskCache::kMaxUnfinishedAgeS + 60);
  SetAge(alive, DiskCache::kMaxUnfinishedAgeS - 60);
  cache.Write(Sha256Digest("image"), "image");
  EXPECT_NE(access(dead.c_str(), F_OK), 0);
  EXPECT_EQ(access(alive.c_str(), F_OK), 0) << "although there is no room";
  EXPECT_TRUE(Has(&cache, "image"));
}

TEST_F(DiskCacheTest, WritersAtTheSameTimeKeepTheLimit) {
  constexpr int kWriters = 4;
  constexpr size_t kImageBytes = 1000;
  constexpr size_t kMaxBytes = 10 * kImageBytes;
  const auto image = [](int i) { return std::string(kImageBytes, 'a' + i); };
  std::vector<pid_t> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    const pid_t pid = fork();
    if (pid == 0) {
      DiskCache cache;
      cache.Open(path_, [](std::string_view) { _exit(2); });
      cache.set_max_bytes(kMaxBytes);
      for (int round = 0; round < 300; ++round) {
        const std::string bytes = image((round * (writer + 1)) % 26);
        std::string read;
        if (!cache.Read(Sha256Digest(bytes), &read)) {
          cache.Write(Sha256Digest(bytes), bytes);
        } else if (read != bytes) {
          _exit(1);
        }
      }
      _exit(0);
    }
    writers.push_back(pid);
  }
  for (const pid_t pid : writers) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  EXPECT_LE(Files().size(), kMaxBytes / kImageBytes);
  EXPECT_GE(Files().size(), kMaxBytes / kImageBytes - kWriters);
}

// As a full disk: the file can't grow that far.
TEST_F(DiskCacheTest, AFileThatCannotBeWrittenIsLoggedOnceAndLeftOut) {
  DiskCache cache;
  Open(&cache);
  ASSERT_NE(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  rlimit small = old;
  small.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string large(10'000, 'x');
  for (int i = 0; i < 3; ++i) cache.Write(Sha256Digest(large), large);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_TRUE(Files().empty());
  ASSERT_EQ(log_.size(), 1u);
  EXPECT_EQ(log_[0],
            "images are not kept in " + path_ + ": write: File too large");
  cache.Write(Sha256Digest(large), large);
  EXPECT_TRUE(Has(&cache, large)) << "there is room again";
}

TEST_F(DiskCacheTest, WhatCannotBeMadeIsLogged) {
  path_ = root_ + "/no/such/place";
  DiskCache cache;
  Open(&cache);
  cache.Write(Sha256Digest("image"), "image");
  EXPECT_FALSE(Has(&cache, "image"));
  ASSERT_EQ(log_.size(), 1u);
  EXPECT_EQ(log_[0], "images are not kept in " + path_ +
                         ": open: No such file or directory");
}

}  // namespace
}  // namespace ramet::importer
