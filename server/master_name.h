#ifndef SERVER_MASTER_NAME_H_
#define SERVER_MASTER_NAME_H_

namespace ramet::server {

// What the master itself is called, where others are called by their targets.
inline constexpr char kMasterName[] = "master";

}  // namespace ramet::server

#endif  // SERVER_MASTER_NAME_H_
