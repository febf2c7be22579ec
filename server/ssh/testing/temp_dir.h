#ifndef SERVER_SSH_TESTING_TEMP_DIR_H_
#define SERVER_SSH_TESTING_TEMP_DIR_H_

#include <string>
#include <vector>

namespace ramet::server::testing {

// A folder of a test's own (0700), removed with all that is in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  // Writes a file (0600, or `mode`) and returns its path.
  std::string Write(const std::string& name, const std::string& text,
                    int mode = 0600) const;

 private:
  std::string path_;
};

// The whole file; empty when there is none.
std::string ReadFile(const std::string& path);

// Runs a program to its end; fails the test when it does not succeed.
void RunProgram(const std::vector<std::string>& argv);

}  // namespace ramet::server::testing

#endif  // SERVER_SSH_TESTING_TEMP_DIR_H_
