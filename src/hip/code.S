/* Device code is data: the code object of each architecture, as clang made it, behind a symbol.
 * The paths are relative to the build folder, where make runs the assembler. */
#include "config.h"

#define QUOTE(text) #text
#define OCTGEMM_HIP_ARCH(name) \
    .globl octgemm_hip_##name ; \
    .hidden octgemm_hip_##name ; \
    .balign 4096 ; \
octgemm_hip_##name: ; \
    .incbin QUOTE(src/hip/name.hsaco) ;

    .section .rodata
OCTGEMM_HIP_ARCHS

    .section .note.GNU-stack,"",%progbits
