/* MaxMind DB files: see tests/support/fuzz_targets.h. */
#include "tests/support/fuzz_targets.h"

fuzz_target LLVMFuzzerTestOneInput;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_mmdb(data, size);
}
