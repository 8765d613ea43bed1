#include "ports.h"

#include "ir.h"
#include "masters.h"
#include "process.h"
#include "shell.h"
#include "waits.h"

void design_ports(const struct design *d, FILE *out)
{
    if (d->shell) {
        list_registers(d, out, "register %s 0x%02x %d\n");
        list_waits(d, out);
        list_errors(d, out);
    }
    for (int i = 0; i < d->channels; i++)
        if (d->channel[i].outside)
            fprintf(out, "stream %s %s %d\n", d->channel[i].in ? "in" : "out", d->channel[i].name,
                    d->channel[i].width);
    for (int k = 0; k < parameter_count(d); k++) {
        LLVMValueRef v = LLVMGetParam(d->source->top, (unsigned)k);
        if (LLVMGetTypeKind(LLVMTypeOf(v)) == LLVMIntegerTypeKind)
            fprintf(out, "scalar %s %d\n", value_name(v), scalar_width(d, k));
    }
    if (result_width(d))
        fprintf(out, "return %d\n", result_width(d));
    for (int i = 0; i < d->instances; i++)
        for (int k = 0; k < d->instance[i].process->axis; k++) {
            const struct axi *a = &d->instance[i].process->axi[k];
            fprintf(out, "axi %s %d%s%s\n", value_name(argument(&d->instance[i], a->parameter)),
                    a->width, a->loads ? " read" : "", a->stores ? " write" : "");
        }
}
