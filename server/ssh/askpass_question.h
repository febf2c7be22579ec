#ifndef SERVER_SSH_ASKPASS_QUESTION_H_
#define SERVER_SSH_ASKPASS_QUESTION_H_

#include <memory>
#include <string>

#include "server/ssh/prompter.h"

namespace ramet::server {

// Asks through a program as ssh(1) does: the question is its argument, the
// answer the first line of its output, exit status 0 means "given". Destroying
// the Pending kills the program.
std::unique_ptr<Prompter::Pending> AskThroughProgram(
    core::EventLoop* loop, const std::string& program,
    const Prompter::Question& question, Prompter::Callback done);

}  // namespace ramet::server

#endif  // SERVER_SSH_ASKPASS_QUESTION_H_
