#ifndef SERVER_MODULE_ANNOUNCEMENT_H_
#define SERVER_MODULE_ANNOUNCEMENT_H_

#include <stdint.h>

#include "core/wire/control.h"
#include "importer/bundle.h"

namespace ramet::server {

// What a context is told of a bundle's module before it gets the image.
// `idle_ms`: what holds for bundles that say nothing themselves. Pure.
core::LoadModule AnnounceModule(const importer::Bundle& bundle,
                                const bundle::Image& image, uint32_t idle_ms);

}  // namespace ramet::server

#endif  // SERVER_MODULE_ANNOUNCEMENT_H_
