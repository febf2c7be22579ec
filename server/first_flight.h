#ifndef SERVER_FIRST_FLIGHT_H_
#define SERVER_FIRST_FLIGHT_H_

#include <string>

namespace ramet::server {

// Takes the images of modules out of `frames`, which were sent to a context
// before its platform was known and have to be sent again: they are for another
// one, or the context asks for them (docs/modules.md). What is not a whole
// frame stays. Pure.
void TakeImagesOut(std::string* frames);

}  // namespace ramet::server

#endif  // SERVER_FIRST_FLIGHT_H_
