#include <stdint.h>
#include <stdio.h>

int main(void)
{
    puts("static const uint32_t table[256] = {");
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t c = n;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        printf("0x%08xu,\n", c);
    }
    puts("};");
    return 0;
}
