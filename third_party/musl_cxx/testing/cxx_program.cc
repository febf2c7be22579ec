// Uses what crosses the boundary between Debian's C++ libraries and the C
// library that a module is linked with: for cxx_test. What it prints is the
// same with both C libraries.

#include <dirent.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <clocale>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <locale>
#include <memory_resource>
#include <mutex>
#include <random>
#include <regex>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/base/call_once.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "examples/greeter/greeter.pb.h"

extern char** environ;

namespace {

namespace fs = std::filesystem;

void Check(bool condition, const char* text, int line) {
  if (condition) return;
  std::printf("line %d: %s is false\n", line, text);
  std::fflush(stdout);
  std::abort();
}
#define CHECK(condition) Check((condition), #condition, __LINE__)

// Printed when the thread that made it ends.
class Farewell {
 public:
  explicit Farewell(const char* text) : text_(text) {}
  ~Farewell() { std::printf("%s\n", text_); }

 private:
  const char* const text_;
};

Farewell at_exit("static object destroyed");

void MakeThreadLocal(const char* text) {
  static thread_local Farewell first(text);
  static thread_local std::string kept = text;
  CHECK(kept == text);
}

void Threads() {
  std::thread([] { MakeThreadLocal("thread's object destroyed"); }).join();
  MakeThreadLocal("main's object destroyed");

  // As deep as on glibc's default stack.
  std::thread([] {
    volatile char deep[6 << 20];
    for (size_t i = 0; i < sizeof(deep); i += 4096) deep[i] = 1;
    CHECK(deep[4096] == 1);
  }).join();

  std::mutex mutex;
  std::condition_variable changed;
  bool ready = false;
  std::thread waiter([&] {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return ready; });
  });
  {
    std::lock_guard<std::mutex> lock(mutex);
    ready = true;
  }
  changed.notify_all();
  waiter.join();

  std::unique_lock<std::mutex> lock(mutex);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(changed.wait_for(lock, std::chrono::milliseconds(20)) ==
        std::cv_status::timeout);
  CHECK(changed.wait_until(lock, std::chrono::system_clock::now() +
                                     std::chrono::milliseconds(20)) ==
        std::cv_status::timeout);
  CHECK(std::chrono::steady_clock::now() - begin >=
        std::chrono::milliseconds(39));
  lock.unlock();

  std::timed_mutex timed;
  timed.lock();
  std::thread([&] {
    CHECK(!timed.try_lock_for(std::chrono::milliseconds(1)));
  }).join();
  timed.unlock();
  std::shared_timed_mutex shared;
  shared.lock_shared();
  CHECK(shared.try_lock_shared_for(std::chrono::milliseconds(1)));
  CHECK(!shared.try_lock_for(std::chrono::milliseconds(1)));
  shared.unlock_shared();
  shared.unlock_shared();
  std::recursive_mutex recursive;
  recursive.lock();
  CHECK(recursive.try_lock());
  recursive.unlock();
  recursive.unlock();

  std::atomic<int> sum{0};
  std::vector<std::thread> adders;
  for (int i = 0; i < 8; ++i) {
    adders.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) {
        std::vector<std::string> texts(j % 64, std::string(j, 'x'));
        sum += static_cast<int>(texts.size());
      }
    });
  }
  for (std::thread& thread : adders) thread.join();
  std::printf("threads %d\n", sum.load());
  CHECK(std::thread::hardware_concurrency() >= 1);
}

int Fails(int depth) {
  if (depth == 0) throw std::invalid_argument("deep");
  const std::string on_the_stack(depth, 'x');
  return Fails(depth - 1) + static_cast<int>(on_the_stack.size());
}

// Those that threads have begun. They end when they may.
std::atomic<int> once_started{0};
std::atomic<bool> once_ends{false};
pthread_once_t cancelled_once = PTHREAD_ONCE_INIT;
pthread_once_t forked_once = PTHREAD_ONCE_INIT;

void RunOnce() {
  ++once_started;
  while (!once_ends) pause();
}

void* CallOnce(void* once) {
  pthread_once(static_cast<pthread_once_t*>(once), RunOnce);
  return nullptr;
}

pthread_t StartOnce(pthread_once_t* once) {
  const int before = once_started;
  pthread_t thread;
  CHECK(pthread_create(&thread, nullptr, CallOnce, once) == 0);
  while (once_started == before) std::this_thread::yield();
  return thread;
}

// What another thread has begun and not ended is begun again.
void InterruptedOnce() {
  const pthread_t first = StartOnce(&cancelled_once);
  CHECK(pthread_cancel(first) == 0);
  void* result = nullptr;
  CHECK(pthread_join(first, &result) == 0);
  CHECK(result == PTHREAD_CANCELED);

  const pthread_t second = StartOnce(&forked_once);
  std::fflush(stdout);
  alarm(60);
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    once_ends = true;
    CHECK(pthread_once(&forked_once, RunOnce) == 0);
    CHECK(pthread_once(&forked_once, std::abort) == 0);
    _exit(once_started);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  std::printf("in the child: %d\n", status);
  CHECK(pthread_cancel(second) == 0);
  CHECK(pthread_join(second, &result) == 0);
  once_ends = true;
  CHECK(pthread_once(&cancelled_once, RunOnce) == 0);
  CHECK(pthread_once(&cancelled_once, std::abort) == 0);
  std::printf("started %d times\n", once_started.load());
  alarm(0);
}

void Exceptions() {
  try {
    Fails(50);
  } catch (const std::logic_error& error) {
    std::printf("caught %s\n", error.what());
  }
  std::future<int> future = std::async(std::launch::async, Fails, 3);
  try {
    future.get();
  } catch (const std::invalid_argument& error) {
    std::printf("caught %s of another thread\n", error.what());
  }
  std::vector<std::thread> throwing;
  std::atomic<int> caught{0};
  for (int i = 0; i < 4; ++i) {
    throwing.emplace_back([&] {
      for (int j = 0; j < 200; ++j) {
        try {
          Fails(j % 20);
        } catch (const std::exception&) {
          ++caught;
        }
      }
    });
  }
  for (std::thread& thread : throwing) thread.join();
  std::printf("caught %d\n", caught.load());

  std::once_flag once;
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    try {
      std::call_once(once, [&] {
        if (++calls == 1) throw std::runtime_error("not yet");
      });
    } catch (const std::runtime_error& error) {
      std::printf("call_once: %s\n", error.what());
    }
  }
  CHECK(calls == 2);
  std::vector<std::thread> racing;
  std::once_flag raced;
  std::atomic<int> ran{0};
  for (int i = 0; i < 8; ++i) {
    racing.emplace_back([&] {
      std::call_once(raced, [&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        ++ran;
      });
      CHECK(ran == 1);
    });
  }
  for (std::thread& thread : racing) thread.join();

  try {
    throw std::system_error(ENOENT, std::generic_category(), "opening");
  } catch (const std::system_error& error) {
    std::printf("%s\n", error.what());
  }
  try {
    std::vector<char> huge(PTRDIFF_MAX / 2);
    CHECK(huge.empty());
  } catch (const std::bad_alloc&) {
    std::printf("bad_alloc\n");
  }
  const std::exception_ptr kept = [] {
    try {
      throw 42;
    } catch (...) {
      return std::current_exception();
    }
  }();
  try {
    std::rethrow_exception(kept);
  } catch (int number) {
    std::printf("rethrown %d\n", number);
  }
}

struct NoGroups : std::numpunct<char> {
  char do_thousands_sep() const override { return '\''; }
  std::string do_grouping() const override { return "\3"; }
};

void Streams() {
  std::ostringstream text;
  text << std::hex << std::setfill('0') << std::setw(8) << 48879 << " "
       << std::dec << 3.25 << " " << std::scientific << 1e100 << " "
       << std::boolalpha << true << " " << 1234567;
  std::cout << text.str() << std::endl;
  text.str("");
  text.imbue(std::locale(std::locale::classic(), new NoGroups));
  text << std::fixed << std::setprecision(2) << 1234567 << " " << 9876543.218;
  std::cout << text.str() << std::endl;

  std::istringstream in("42 0.5 word 0x1f");
  int number;
  double real;
  std::string word;
  int hex;
  in >> number >> real >> word >> std::hex >> hex;
  std::cout << number << " " << real << " " << word << " " << hex << "\n";

  const std::tm moment = [] {
    std::tm tm = {};
    tm.tm_year = 99;
    tm.tm_mon = 11;
    tm.tm_mday = 31;
    tm.tm_hour = 23;
    tm.tm_wday = 5;
    tm.tm_yday = 364;
    return tm;
  }();
  std::cout << std::put_time(&moment, "%A %d %B %Y %H:%M:%S %p %c %x %X")
            << "\n";
  std::tm read = {};
  std::istringstream dates("2001-02-03 04:05:06 Mar");
  dates >> std::get_time(&read, "%Y-%m-%d %H:%M:%S %b");
  std::cout << read.tm_year << " " << read.tm_mon << " " << read.tm_mday << " "
            << read.tm_sec << "\n";
  std::cout << std::showbase << std::put_money(12345.0L) << "\n"
            << std::noshowbase;

  const std::locale& classic = std::locale::classic();
  int classes = 0;
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    classes =
        classes * 31 + std::isalpha(byte, classic) +
        2 * std::isdigit(byte, classic) + 4 * std::isspace(byte, classic) +
        8 * std::ispunct(byte, classic) + 16 * std::isupper(byte, classic) +
        32 * std::iscntrl(byte, classic) + 64 * std::isprint(byte, classic) +
        128 * std::isxdigit(byte, classic);
    classes %= 1000003;
  }
  std::cout << "classes " << classes << " "
            << std::use_facet<std::ctype<char>>(classic).toupper('q')
            << std::use_facet<std::ctype<char>>(classic).tolower('Q') << "\n";
  std::cout << (std::use_facet<std::collate<char>>(classic).compare(
                    word.data(), word.data() + 1, "x", "x" + 1) < 0)
            << std::isalpha(L'x', classic) << std::toupper(L'x', classic)
            << "\n";

  std::wostringstream wide;
  wide << L"wide " << 1.5 << L" " << std::put_time(&moment, L"%a %b");
  std::cout << (wide.str() == L"wide 1.5 Fri Dec") << "\n";
  const std::locale utf8("C.UTF-8");
  const auto& convert =
      std::use_facet<std::codecvt<wchar_t, char, std::mbstate_t>>(utf8);
  const char bytes[] = "\xc3\xa4\xe2\x82\xac";
  wchar_t characters[8];
  const char* next;
  wchar_t* end;
  std::mbstate_t state = {};
  convert.in(state, bytes, bytes + 5, next, characters, characters + 8, end);
  std::cout << (end - characters) << " " << std::hex
            << static_cast<int>(characters[0]) << " "
            << static_cast<int>(characters[1]) << std::dec << "\n";
  std::cout << std::locale("C").name() << " " << std::locale("C.UTF-8").name()
            << "\n";

  const fs::path file =
      fs::temp_directory_path() / ("ramet_cxx_" + std::to_string(getpid()));
  {
    std::fstream stream(file, std::ios::out | std::ios::trunc);
    for (int i = 0; i < 1000; ++i) stream << i << "\n";
    stream.seekp(0);
    stream << "x";
    CHECK(stream.good());
  }
  std::ifstream stream(file);
  std::string line;
  int lines = 0;
  while (std::getline(stream, line)) lines += line == "x" ? 1000 : 1;
  std::cout << "lines " << lines << "\n";
  stream.close();
  CHECK(fs::file_size(file) == 3890);
  CHECK(fs::last_write_time(file) > fs::file_time_type::min());
  fs::rename(file, file.string() + "b");
  fs::remove(file.string() + "b");
  std::printf("%s %d\n", "from stdio", 7);
  std::cout << 1.0f / 3 << " " << 1.0L / 3 << " " << std::stod("2.5e3") << " "
            << std::to_string(0.125) << std::endl;
}

void Files() {
  const fs::path folder =
      fs::temp_directory_path() / ("ramet_cxx_dir_" + std::to_string(getpid()));
  fs::create_directories(folder / "a" / "b");
  std::ofstream(folder / "a" / "file") << "content";
  fs::create_symlink("file", folder / "a" / "link");
  fs::copy_file(folder / "a" / "file", folder / "copy");
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    names.push_back(entry.path().lexically_relative(folder).string() +
                    (entry.is_directory() ? "/" : "") +
                    (entry.is_symlink() ? "@" : ""));
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) std::cout << name << " ";
  std::cout << fs::file_size(folder / "copy") << " "
            << fs::read_symlink(folder / "a" / "link").string() << " "
            << (fs::canonical(folder / "a" / ".." / "copy") ==
                fs::canonical(folder / "copy"))
            << " " << (fs::space("/").capacity > 0) << "\n";
  CHECK(fs::equivalent(folder / "a" / "link", folder / "a" / "file"));
  fs::permissions(folder / "copy", fs::perms::owner_read);
  CHECK(fs::status(folder / "copy").permissions() == fs::perms::owner_read);
  std::error_code error;
  CHECK(fs::file_size(folder / "none", error) == static_cast<uintmax_t>(-1));
  std::cout << error.message() << " " << fs::remove_all(folder) << "\n";
}

void Libraries() {
  std::smatch match;
  const std::string subject = "key=value; other=thing";
  CHECK(std::regex_search(subject, match,
                          std::regex("([a-z]+)=([a-z]+); (\\w+)")));
  std::cout << match[2] << " " << match[3] << "\n";
  CHECK(std::regex_match("ABC", std::regex("[[:alpha:]]+")));

  std::random_device device;
  std::mt19937 engine(device());
  CHECK(std::uniform_int_distribution<int>(1, 6)(engine) <= 6);
  std::cout << std::mt19937(1)() << "\n";

  std::pmr::synchronized_pool_resource pool;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 1; j < 500; ++j) {
        pool.deallocate(pool.allocate(j), j);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  const auto now = std::chrono::system_clock::now();
  CHECK(now.time_since_epoch() > std::chrono::hours(24 * 365 * 50));
  auto shared = std::make_shared<std::string>("shared");
  std::weak_ptr<std::string> weak = shared;
  shared.reset();
  CHECK(weak.expired());
  struct alignas(256) Aligned {
    char bytes[256];
  };
  auto aligned = std::make_unique<Aligned>();
  CHECK(reinterpret_cast<uintptr_t>(aligned.get()) % 256 == 0);
}

void Abseil() {
  absl::Mutex mutex;
  int count = 0;
  absl::Notification done;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) {
        absl::MutexLock lock(&mutex);
        if (++count == 4000) done.Notify();
      }
    });
  }
  done.WaitForNotification();
  for (std::thread& thread : threads) thread.join();
  {
    absl::MutexLock lock(&mutex);
    CHECK(!mutex.AwaitWithTimeout(absl::Condition(
                                      +[](int* c) { return *c == 0; }, &count),
                                  absl::Milliseconds(5)));
  }
  absl::once_flag once;
  absl::call_once(once, [&] { count = 1; });
  std::cout << count << " " << absl::NotFoundError("nothing") << " "
            << absl::ErrnoToStatus(ENOENT, "open").ToString() << "\n";
  const absl::StatusOr<int> bad = absl::InternalError("bad");
  try {
    std::cout << *absl::StatusOr<int>(5) << bad.value() << "\n";
  } catch (const absl::BadStatusOrAccess& error) {
    std::cout << error.what() << "\n";
  }
  absl::Cord cord("a");
  for (int i = 0; i < 1000; ++i) cord.Append(std::string(100, 'b'));
  std::cout << cord.size() << " " << cord.Subcord(0, 3) << "\n";
  double number;
  CHECK(absl::SimpleAtod("1e-3", &number));
  std::cout << absl::StrFormat("%5.2f|%-6s|%#x|%g|%p", 3.14159, "ab", 255,
                               number, nullptr)
            << "\n";
  std::cout << absl::FormatTime("%Y-%m-%d %H:%M:%E3S %z %a %b",
                                absl::FromUnixMillis(1234567890123),
                                absl::FixedTimeZone(3600))
            << " " << absl::FormatDuration(absl::Milliseconds(90061500))
            << "\n";
  absl::Time parsed;
  CHECK(absl::ParseTime(absl::RFC3339_full, "2020-01-02T03:04:05+00:00",
                        &parsed, nullptr));
  std::cout << absl::ToUnixSeconds(parsed) << " "
            << (absl::LocalTimeZone().name().empty() ? "none" : "local")
            << std::endl;
}

void Protobuf() {
  const std::string big(100'000, 'n');
  demo::v1::HelloRequest request;
  request.set_name(big);
  std::string bytes;
  CHECK(request.SerializeToString(&bytes));
  demo::v1::HelloRequest read;
  CHECK(read.ParseFromString(bytes));
  CHECK(read.name() == big);
  CHECK(!read.ParseFromString("\x0a\xff"));
  google::protobuf::Arena arena;
  auto* const on_arena =
      google::protobuf::Arena::CreateMessage<demo::v1::HelloRequest>(&arena);
  on_arena->set_name("arena");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 200; ++j) {
        google::protobuf::Arena::CreateMessage<demo::v1::HelloRequest>(&arena)
            ->set_name(big);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::cout << bytes.size() << " " << on_arena->name() << "\n";
}

void System() {
  const passwd* const root = getpwnam("root");
  CHECK(root != nullptr);
  std::cout << root->pw_name << " " << root->pw_uid << "\n";
  addrinfo hints = {};
  hints.ai_family = AF_INET;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  CHECK(getaddrinfo("127.0.0.1", "80", &hints, &found) == 0);
  std::cout << found->ai_addrlen << "\n";
  freeaddrinfo(found);

  std::cout << std::flush;
  FILE* const pipe = popen("echo from popen", "r");
  CHECK(pipe != nullptr);
  char line[64] = "";
  CHECK(fgets(line, sizeof(line), pipe) != nullptr);
  std::cout << line << pclose(pipe) << "\n";
  pid_t child;
  char name[] = "sh";
  char flag[] = "-c";
  char command[] = "exit 7";
  char* arguments[] = {name, flag, command, nullptr};
  CHECK(posix_spawn(&child, "/bin/sh", nullptr, nullptr, arguments, environ) ==
        0);
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  std::cout << WEXITSTATUS(status) << "\n";

  char text[64];
#ifdef __GLIBC__
  std::cout << strerror_r(EACCES, text, sizeof(text)) << "\n";
#else
  CHECK(strerror_r(EACCES, text, sizeof(text)) == 0);
  std::cout << text << "\n";
#endif
  CHECK(std::getenv("PATH") != nullptr);

  std::vector<std::string> blocks;
  for (int i = 0; i < 16; ++i) blocks.emplace_back(8 << 20, 'b');
  size_t size = 0;
  for (std::string& block : blocks) {
    block.resize(block.size() * 2);
    size += block.size();
  }
  std::cout << size << std::endl;
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(true);
  Threads();
  InterruptedOnce();
  Exceptions();
  Streams();
  Files();
  Libraries();
  Abseil();
  Protobuf();
  System();
  std::fflush(stdout);
  return 3;
}
