/* AMX in software: on a processor without it, its instructions raise SIGILL, and the handler that
 * tiles_emulate() installs carries them out. So the AMX kernel runs, unchanged and bit by bit, on
 * every x86-64 machine that has AVX512-VNNI.
 *
 * Source: Intel, Architecture Instruction Set Extensions Programming Reference (319433), chapter
 * "Intel AMX": encodings, and what each instruction faults on. A fault ends the program with a line
 * that names it. */
#ifndef OCTGEMM_TILES_H
#define OCTGEMM_TILES_H

void tiles_emulate(void);

/* Instructions carried out so far, by all threads. */
long tiles_executed(void);

#endif
