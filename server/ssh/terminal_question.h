#ifndef SERVER_SSH_TERMINAL_QUESTION_H_
#define SERVER_SSH_TERMINAL_QUESTION_H_

#include <memory>

#include "server/ssh/prompter.h"

namespace ramet::server {

// Asks on /dev/tty, without echo for a secret. Ctrl-C and Ctrl-D there mean
// "not given"; Ctrl-C then goes to this process as SIGINT, once the terminal is
// as it was. Destroying the Pending restores the terminal.
std::unique_ptr<Prompter::Pending> AskOnTerminal(
    core::EventLoop* loop, const Prompter::Question& question,
    Prompter::Callback done);

}  // namespace ramet::server

#endif  // SERVER_SSH_TERMINAL_QUESTION_H_
