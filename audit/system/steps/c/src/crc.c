#include "check.h"
#include "../build/table.h"

uint32_t crc(const unsigned char *bytes, size_t length)
{
    uint32_t c = ~0u;
    while (length--)
        c = table[(c ^ *bytes++) & 255] ^ c >> 8;
    return ~c;
}
