#include <stddef.h>
#include <stdint.h>

uint32_t crc(const unsigned char *bytes, size_t length);
void show(const char *name, uint32_t sum);
