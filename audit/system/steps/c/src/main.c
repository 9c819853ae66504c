#include "check.h"
#include <string.h>

int main(int count, char **words)
{
    for (int i = 1; i < count; i++)
        show(words[i], crc((unsigned char *)words[i], strlen(words[i])));
    return 0;
}
