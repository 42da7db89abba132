/* Answers about origins: see tests/support/fuzz_targets.h. */
#include "tests/support/fuzz_targets.h"

fuzz_target LLVMFuzzerTestOneInput;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_origin(data, size);
}
