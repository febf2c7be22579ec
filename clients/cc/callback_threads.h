#ifndef CLIENTS_CC_CALLBACK_THREADS_H_
#define CLIENTS_CC_CALLBACK_THREADS_H_

namespace ramet::clients {

// Keeps gRPC's threads for callbacks until the process ends. To be called
// before a callback can be the last to use a channel, and as often as one
// likes.
//
// gRPC 1.51 has one queue for the callbacks of a process, with threads of its
// own, and takes both down with the last channel or server that uses them. A
// channel that is destroyed on one of these threads would have that thread join
// itself, which fails unnoticed, and go on with a queue that is freed:
// corrupted memory (grpc/grpc issue 37858 and pull request 32584). A call holds
// its channel until it is over, which is on such a thread, and can't know
// whether it is the last.
//
// Threads: any.
void KeepCallbackThreads();

}  // namespace ramet::clients

#endif  // CLIENTS_CC_CALLBACK_THREADS_H_
