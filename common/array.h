/*
 * Arrays that grow. The capacity at least doubles, so that adding one item at a time
 * costs O(1) each.
 */
#ifndef COMMON_ARRAY_H
#define COMMON_ARRAY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes room for `wanted` items of `size` bytes in the array whose pointer (of whatever
 * type, NULL at first) is at `array`; *room is its capacity, new items are zero.
 * Returns 0 or -ENOMEM, then nothing has changed. free() releases it.
 */
int array_reserve(void *array, uint32_t *room, uint32_t wanted, size_t size);

#endif
