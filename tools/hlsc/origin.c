#include "origin.h"

#include "ir.h"

#include <llvm-c/DebugInfo.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Debug information may cut a name anywhere; whole again, unless it is below the working directory.
 */
static const char *file_name(const char *file, unsigned file_length, const char *directory,
                             unsigned directory_length)
{
    char here[4096];
    if (*file == '/' || !directory || !directory_length ||
        (getcwd(here, sizeof here) && strlen(here) == directory_length &&
         !strncmp(here, directory, directory_length)))
        return text("%.*s", (int)file_length, file);
    return text("%.*s/%.*s", (int)directory_length, directory, (int)file_length, file);
}

struct place place_of(LLVMValueRef value)
{
    unsigned n = 0, d = 0;
    struct place where = {0};
    if (!LLVMIsAInstruction(value) && !LLVMIsAFunction(value))
        return where;
    where.line = (int)LLVMGetDebugLocLine(value);
    const char *file = LLVMGetDebugLocFilename(value, &n),
               *directory = LLVMGetDebugLocDirectory(value, &d);
    if (file)
        where.file = file_name(file, n, directory, d);
    return where;
}

struct place place_of_location(LLVMMetadataRef location)
{
    struct place where = {.line = (int)LLVMDILocationGetLine(location)};
    LLVMMetadataRef file = LLVMDIScopeGetFile(LLVMDILocationGetScope(location));
    unsigned n = 0, d = 0;
    const char *name = file ? LLVMDIFileGetFilename(file, &n) : NULL,
               *directory = file ? LLVMDIFileGetDirectory(file, &d) : NULL;
    if (name)
        where.file = file_name(name, n, directory, d);
    return where;
}

/* The preprocessor keeps names as they were given. */
static const char *whole_path(const char *name)
{
    static const char *last_name, *last_path;
    if (name != last_name) {
        char *path = realpath(name, NULL);
        last_name = name;
        last_path = path ? text("%s", path) : name;
        free(path);
    }
    return last_path;
}

bool same_file(const char *a, const char *b)
{
    return a && b && (!strcmp(a, b) || !strcmp(whole_path(a), whole_path(b)));
}

bool same_place(struct place a, struct place b)
{
    return a.line == b.line && same_file(a.file, b.file);
}

void keep_names(LLVMModuleRef module)
{
    LLVMContextRef c = LLVMGetModuleContext(module);
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
                size_t n;
                const char *name = LLVMIsAAllocaInst(i) ? LLVMGetValueName2(i, &n) : NULL;
                if (!name)
                    continue;
                /* clang numbers variables of one name: "i", "i5". The number cannot be told from
                 * the name's own digits; pragmas match either way. */
                LLVMMetadataRef s = LLVMMDStringInContext2(c, name, n);
                LLVMSetMetadata(i, metadata_kind(module, "hlsc.name"),
                                LLVMMetadataAsValue(c, LLVMMDNodeInContext2(c, &s, 1)));
            }
}

const char *source_name(LLVMValueRef value)
{
    if (LLVMIsAInstruction(value)) {
        LLVMValueRef md = LLVMGetMetadata(value, metadata_kind(module_of(value), "hlsc.name")),
                     operand[1];
        if (md && LLVMGetMDNodeNumOperands(md) == 1) {
            unsigned n = 0;
            LLVMGetMDNodeOperands(md, operand);
            const char *s = LLVMGetMDString(operand[0], &n);
            return text("%.*s", (int)n, s);
        }
    }
    const char *name = value_name(value);
    const char *dot = strrchr(name, '.');
    /* A static local is "function.name"; the passes append ".number". */
    if (dot && LLVMIsAGlobalVariable(value) && isalpha((unsigned char)dot[1]))
        return dot + 1;
    return dot && !LLVMIsAGlobalVariable(value)
               ? text("%.*s", (int)(strchr(name, '.') - name), name)
               : name;
}
