#include "base/hash.h"

#include "base/error.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static void put_hex(const unsigned char *digest, char hex[65])
{
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

int hash_bytes(const void *bytes, size_t size, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (!EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL))
        return af_fail(AF_NO_MEMORY, "no memory for a hash");
    put_hex(digest, hex);
    return AF_OK;
}

int hash_file(const char *path, char hex[65])
{
    unsigned char buffer[65536], digest[EVP_MAX_MD_SIZE];
    FILE *f = fopen(path, "rb");
    if (!f)
        return af_fail(AF_IO, "%s: %s", path, strerror(errno));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (size_t n; good && (n = fread(buffer, 1, sizeof buffer, f)) > 0;)
        good = EVP_DigestUpdate(context, buffer, n);
    good = good && !ferror(f) && EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    fclose(f);
    if (good)
        put_hex(digest, hex);
    return good ? AF_OK : af_fail(AF_IO, "%s: cannot be read", path);
}
