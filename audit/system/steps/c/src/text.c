#include "check.h"
#include <stdio.h>

void show(const char *name, uint32_t sum)
{
    printf("%08x  %s, built %s in %s\n", sum, name, __DATE__, __FILE__);
}
