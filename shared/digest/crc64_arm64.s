#include "textflag.h"

// STEP adds lane times the factors in V4, that is, the lane so many bits later, to the
// sixteen bytes in next. The result is in lane; V5 is lost.
#define STEP(lane, next) \
	VPMULL2 lane.D2, V4.D2, V5.Q1          \ // last eight bytes by the second factor
	VPMULL  lane.D1, V4.D1, lane.Q1        \ // first eight bytes by the first factor
	VEOR    V5.B16, lane.B16, lane.B16     \
	VEOR    next.B16, lane.B16, lane.B16

// func fold(by *[4]uint64, before uint64, p []byte) (first, last uint64)
TEXT ·fold(SB), NOSPLIT, $0-56
	MOVD by+0(FP), R0
	MOVD before+8(FP), R1
	MOVD p_base+16(FP), R2
	MOVD p_len+24(FP), R3

	// The four lanes begin with the first stride.
	VLD1.P 64(R2), [V0.B16, V1.B16, V2.B16, V3.B16]
	VEOR   V5.B16, V5.B16, V5.B16
	VMOV   R1, V5.D[0]
	VEOR   V5.B16, V0.B16, V0.B16
	VLD1.P 16(R0), [V4.D2]
	SUBS   $64, R3, R3
	BEQ    join

stride:
	VLD1.P 64(R2), [V6.B16, V7.B16, V8.B16, V9.B16]
	STEP(V0, V6)
	STEP(V1, V7)
	STEP(V2, V8)
	STEP(V3, V9)
	SUBS $64, R3, R3
	BNE  stride

join:
	// Each lane goes into the next, sixteen bytes later.
	VLD1 (R0), [V4.D2]
	STEP(V0, V1)
	STEP(V0, V2)
	STEP(V0, V3)

	VMOV V0.D[0], R1
	VMOV V0.D[1], R2
	MOVD R1, first+40(FP)
	MOVD R2, last+48(FP)
	RET
