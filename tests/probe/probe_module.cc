#include "stub/module_main.h"
#include "tests/probe/limited_service.h"
#include "tests/probe/open_service.h"
#include "tests/probe/probe_service.h"

RAMET_MODULE(ramet::probe::Probe, ramet::probe::Open, ramet::probe::Limited)
