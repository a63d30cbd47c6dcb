/* Device code is data: each fatbin that nvcc made, as it is, behind a symbol. The paths are relative
 * to the build folder, where make runs the assembler. */
#define MODULE(symbol, file) \
    .globl symbol ; \
    .hidden symbol ; \
    .balign 64 ; \
symbol: ; \
    .incbin file

    .section .rodata
MODULE(octgemm_cuda_decode, "src/cuda/decode.fatbin")
MODULE(octgemm_cuda_generic, "src/cuda/generic.fatbin")
MODULE(octgemm_cuda_hopper, "src/cuda/hopper.fatbin")
MODULE(octgemm_cuda_join, "src/cuda/join.fatbin")
MODULE(octgemm_cuda_quantize, "src/cuda/quantize.fatbin")
MODULE(octgemm_cuda_tensor, "src/cuda/tensor.fatbin")
MODULE(octgemm_cuda_weights, "src/cuda/weights.fatbin")

    .section .note.GNU-stack,"",%progbits
