#include "infer/cores.h"

#include "base/machine.h"

int cores_available(void)
{
    return machine_cores("");
}
