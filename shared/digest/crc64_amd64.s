#include "textflag.h"

// STEP adds lane times the factors in X4, that is, the lane so many bits later, to the
// sixteen bytes in next. The result is in lane; X5 is lost.
#define STEP(lane, next) \
	MOVOU     lane, X5        \
	PCLMULQDQ $0x00, X4, lane \ // first eight bytes by the first factor
	PCLMULQDQ $0x11, X4, X5   \ // last eight bytes by the second factor
	PXOR      X5, lane        \
	PXOR      next, lane

// func fold(by *[4]uint64, before uint64, p []byte) (first, last uint64)
TEXT ·fold(SB), NOSPLIT, $0-56
	MOVQ by+0(FP), AX
	MOVQ before+8(FP), BX
	MOVQ p_base+16(FP), SI
	MOVQ p_len+24(FP), CX

	// The four lanes begin with the first stride.
	MOVOU 0(SI), X0
	MOVOU 16(SI), X1
	MOVOU 32(SI), X2
	MOVOU 48(SI), X3
	MOVQ  BX, X5
	PXOR  X5, X0
	MOVOU 0(AX), X4
	JMP   more

stride:
	MOVOU 0(SI), X6
	MOVOU 16(SI), X7
	MOVOU 32(SI), X8
	MOVOU 48(SI), X9
	STEP(X0, X6)
	STEP(X1, X7)
	STEP(X2, X8)
	STEP(X3, X9)

more:
	ADDQ $64, SI
	SUBQ $64, CX
	JNZ  stride

	// Each lane goes into the next, sixteen bytes later.
	MOVOU 16(AX), X4
	STEP(X0, X1)
	STEP(X0, X2)
	STEP(X0, X3)

	MOVQ   X0, first+40(FP)
	PSRLDQ $8, X0
	MOVQ   X0, last+48(FP)
	RET
