/* Which matrix operation a target has, and into how many dies with an L2 cache of their own its
 * consecutive blocks are dealt; OCTGEMM_BLOCKS where packed weights are in blocks (blocks.h),
 * OCTGEMM_TILE_128 and _256 where the tiles as wide as that have room for their sums in registers
 * (elsewhere no row of hip.c's table has them, and they would be most of the code). hip.c agrees.
 * The one place where targets differ.
 */
#ifndef OCTGEMM_HIP_TARGET_H
#define OCTGEMM_HIP_TARGET_H

#include "matrix.h"

#if defined(__gfx950__)
typedef mfma_16x16x64 matrix;
#define OCTGEMM_BLOCKS
#define OCTGEMM_TILE_128
#define OCTGEMM_TILE_256
enum { dies = 8 };
#elif defined(__gfx940__) || defined(__gfx941__) || defined(__gfx942__)
typedef mfma_16x16x32 matrix;
#define OCTGEMM_BLOCKS
#define OCTGEMM_TILE_128
#define OCTGEMM_TILE_256
enum { dies = 8 };
#elif defined(__gfx90a__)
typedef mfma_16x16x16 matrix;
#define OCTGEMM_BLOCKS
#define OCTGEMM_TILE_128
#define OCTGEMM_TILE_256
enum { dies = 1 };
#elif defined(__gfx908__)
typedef mfma_16x16x16 matrix;
#define OCTGEMM_BLOCKS
#define OCTGEMM_TILE_128
enum { dies = 1 };
#elif defined(__GFX12__)
typedef wmma_gfx12 matrix;
#define OCTGEMM_TILE_128
#define OCTGEMM_TILE_256
enum { dies = 1 };
#elif defined(__GFX11__)
typedef wmma_gfx11 matrix;
#define OCTGEMM_TILE_128
#define OCTGEMM_TILE_256
enum { dies = 1 };
#elif defined(__gfx906__)
typedef lane_dot<64, signed_dot4> matrix;
enum { dies = 1 };
#elif defined(__gfx1011__) || defined(__gfx1012__) ||                                              \
    (defined(__GFX10__) && !defined(__gfx1010__) && !defined(__gfx1013__))
typedef lane_dot<32, signed_dot4> matrix;
#define OCTGEMM_TILE_128
enum { dies = 1 };
#elif defined(__GFX10__)
typedef lane_dot<32, plain_dot4> matrix;
enum { dies = 1 };
#else
typedef lane_dot<64, plain_dot4> matrix;
enum { dies = 1 };
#endif

#endif
