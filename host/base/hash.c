#include "base/hash.h"

#include "base/error.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

int hash_file(const char *path, char hex[65])
{
    unsigned char buffer[65536], digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        return af_fail(AF_IO, "%s: %s", path, strerror(errno));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (size_t n; good && (n = fread(buffer, 1, sizeof buffer, f)) > 0;)
        good = EVP_DigestUpdate(context, buffer, n);
    good = good && !ferror(f) && EVP_DigestFinal_ex(context, digest, &size);
    EVP_MD_CTX_free(context);
    fclose(f);
    for (unsigned i = 0; i < size && i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return good ? AF_OK : af_fail(AF_IO, "%s: cannot be read", path);
}
