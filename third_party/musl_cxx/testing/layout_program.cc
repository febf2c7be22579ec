// Prints how what crosses the boundary between Debian's C++ libraries and the C
// library is laid out: for layout_test, which compares both C libraries.

#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <locale>
#include <memory_resource>
#include <mutex>
#include <regex>
#include <shared_mutex>
#include <sstream>
#include <thread>
#include <typeinfo>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "examples/greeter/greeter.pb.h"
#include "google/protobuf/stubs/mutex.h"

namespace {

// The name as compilers spell it in symbols.
#define SIZE(type)                                                    \
  std::printf("%s: %zu bytes, aligned to %zu\n", #type, sizeof(type), \
              alignof(type));                                         \
  std::printf("  %s\n", typeid(type*).name())
#define FIELD(type, field)                                               \
  std::printf("  %s at %zu, %zu bytes\n", #field, offsetof(type, field), \
              sizeof(type::field))
#define VALUE(name) std::printf("%s = %lld\n", #name, (long long)(name))

void CLibrary() {
  SIZE(pthread_t);
  SIZE(pthread_mutex_t);
  SIZE(pthread_cond_t);
  SIZE(pthread_rwlock_t);
  SIZE(pthread_once_t);
  SIZE(pthread_key_t);
  SIZE(FILE*);
  SIZE(locale_t);
  SIZE(wint_t);
  SIZE(wctype_t);
  SIZE(time_t);
  SIZE(off_t);
  SIZE(mode_t);
  SIZE(uid_t);
  SIZE(int64_t);
  SIZE(uint64_t);
  SIZE(intmax_t);
  SIZE(uintptr_t);
  SIZE(ssize_t);
  SIZE(max_align_t);
  SIZE(std::mbstate_t);
  SIZE(sigset_t);

  SIZE(timespec);
  FIELD(timespec, tv_sec);
  FIELD(timespec, tv_nsec);
  SIZE(timeval);
  FIELD(timeval, tv_usec);
  SIZE(tm);
  FIELD(tm, tm_year);
  FIELD(tm, tm_isdst);
  FIELD(tm, tm_gmtoff);
  FIELD(tm, tm_zone);
  SIZE(iovec);
  FIELD(iovec, iov_len);
  SIZE(pollfd);
  FIELD(pollfd, revents);
  SIZE(dirent);
  FIELD(dirent, d_type);
  FIELD(dirent, d_name);
  using Stat = struct stat;
  SIZE(Stat);
  FIELD(Stat, st_dev);
  FIELD(Stat, st_ino);
  FIELD(Stat, st_mode);
  FIELD(Stat, st_nlink);
  FIELD(Stat, st_uid);
  FIELD(Stat, st_size);
  FIELD(Stat, st_mtim);
  using Statvfs = struct statvfs;
  SIZE(Statvfs);
  FIELD(Statvfs, f_frsize);
  FIELD(Statvfs, f_blocks);
  FIELD(Statvfs, f_bavail);
  using Sigaction = struct sigaction;
  SIZE(Sigaction);
  FIELD(Sigaction, sa_mask);
  FIELD(Sigaction, sa_flags);
}

void Constants() {
  VALUE(PTHREAD_ONCE_INIT);
  VALUE(CLOCK_REALTIME);
  VALUE(CLOCK_MONOTONIC);
  VALUE(LC_CTYPE);
  VALUE(LC_NUMERIC);
  VALUE(LC_TIME);
  VALUE(LC_COLLATE);
  VALUE(LC_MONETARY);
  VALUE(LC_MESSAGES);
  VALUE(LC_ALL);
  VALUE(BUFSIZ > 0);
  VALUE(EOF);
  VALUE(WEOF);
  VALUE(SEEK_END);
  VALUE(AT_REMOVEDIR);
  VALUE(AT_SYMLINK_NOFOLLOW);
  VALUE(UTIME_OMIT);
  VALUE(_SC_PAGESIZE);
  VALUE(_SC_NPROCESSORS_ONLN);
  VALUE(_SC_OPEN_MAX);
  VALUE(SIG_BLOCK);
  VALUE(std::ctype_base::alpha);
  VALUE(std::ctype_base::alnum);
  VALUE(std::ctype_base::graph);
  VALUE(std::ctype_base::space);
  VALUE(std::ctype_base::blank);
}

void Cxx() {
  SIZE(std::mutex);
  SIZE(std::recursive_mutex);
  SIZE(std::timed_mutex);
  SIZE(std::shared_mutex);
  SIZE(std::shared_timed_mutex);
  SIZE(std::condition_variable);
  SIZE(std::condition_variable_any);
  SIZE(std::once_flag);
  SIZE(std::thread);
  SIZE(std::thread::id);
  SIZE(std::future<int>);
  SIZE(std::promise<int>);
  SIZE(std::string);
  SIZE(std::locale);
  SIZE(std::ios);
  SIZE(std::streampos);
  SIZE(std::filebuf);
  SIZE(std::fstream);
  SIZE(std::ifstream);
  SIZE(std::ofstream);
  SIZE(std::wfilebuf);
  SIZE(std::stringstream);
  SIZE(std::ctype<char>);
  SIZE(std::ctype<wchar_t>);
  SIZE(std::numpunct<char>);
  SIZE(std::moneypunct<char>);
  SIZE(std::time_get<char>);
  SIZE(std::messages<char>);
  using Codecvt = std::codecvt<wchar_t, char, std::mbstate_t>;
  SIZE(Codecvt);
  SIZE(std::regex);
  SIZE(std::filesystem::path);
  SIZE(std::filesystem::directory_entry);
  SIZE(std::filesystem::directory_iterator);
  SIZE(std::filesystem::file_status);
  SIZE(std::pmr::synchronized_pool_resource);
  SIZE(std::pmr::monotonic_buffer_resource);
}

void Libraries() {
  SIZE(absl::Mutex);
  SIZE(absl::CondVar);
  SIZE(absl::Notification);
  SIZE(absl::Status);
  SIZE(absl::StatusOr<int>);
  SIZE(absl::Cord);
  SIZE(absl::Time);
  SIZE(absl::Duration);
  SIZE(absl::TimeZone);
  SIZE(absl::base_internal::ThreadIdentity);
  using Map = absl::flat_hash_map<int, std::string>;
  SIZE(Map);
  SIZE(google::protobuf::internal::WrappedMutex);
  SIZE(google::protobuf::Arena);
  SIZE(google::protobuf::ArenaOptions);
  SIZE(google::protobuf::MessageLite);
  SIZE(demo::v1::HelloRequest);
}

}  // namespace

int main() {
  CLibrary();
  Constants();
  Cxx();
  Libraries();
}
