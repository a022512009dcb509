// Functions as compilers do not make them. None of this ever runs.
asm(R"(
  .pushsection .text.pgflame_odd, "ax", %progbits
  .globl pgflame_odd_begin
  .type pgflame_odd_begin, %function
pgflame_odd_begin:
  .skip 16
  .type pgflame_odd_outer, %function
pgflame_odd_outer:
  .skip 16
pgflame_odd_label:
  .skip 16
  .type pgflame_odd_inner, %function
pgflame_odd_inner:
  .skip 16
  .size pgflame_odd_inner, . - pgflame_odd_inner
  .skip 16
  .type pgflame_odd_overlapping, %function
pgflame_odd_overlapping:
  .skip 16
  .size pgflame_odd_outer, . - pgflame_odd_outer
  .skip 16
  .size pgflame_odd_overlapping, . - pgflame_odd_overlapping
  .skip 16
  .cfi_startproc
  .skip 32
  .cfi_endproc
  .type pgflame_odd_whole.cold, %function
pgflame_odd_whole.cold:
  .cfi_startproc
  .skip 16
  .cfi_endproc
  .size pgflame_odd_whole.cold, . - pgflame_odd_whole.cold
pgflame_odd_unsized:
  .skip 16
  .cfi_startproc
  .skip 8
pgflame_odd_inside:
  .skip 24
  .cfi_endproc
  .type pgflame_odd_long, %function
pgflame_odd_long:
  .cfi_startproc
  .skip 16
  .cfi_endproc
  .cfi_startproc
  .skip 16
  .cfi_endproc
  .skip 16
  .size pgflame_odd_long, . - pgflame_odd_long
  .type pgflame_odd_whole, %function
pgflame_odd_whole:
  .type pgflame_odd_alias, %function
pgflame_odd_alias:
  .skip 16
  .size pgflame_odd_whole, . - pgflame_odd_whole
  .skip 16
  .type pgflame_odd_wide, %function
pgflame_odd_wide:
  .globl pgflame_odd_narrow
  .type pgflame_odd_narrow, %function
pgflame_odd_narrow:
  .skip 16
  .size pgflame_odd_narrow, . - pgflame_odd_narrow
  .skip 16
  .type pgflame_odd_between, %function
pgflame_odd_between:
  .skip 16
  .size pgflame_odd_between, . - pgflame_odd_between
  .skip 32
  .size pgflame_odd_wide, . - pgflame_odd_wide
  .skip 16
pgflame_odd_untyped:
  .globl pgflame_odd_endless
  .type pgflame_odd_endless, %function
pgflame_odd_endless:
  .skip 32
  .type pgflame_odd_third, %function
pgflame_odd_third:
  .skip 16
  .size pgflame_odd_third, . - pgflame_odd_third
  .skip 48
  .size pgflame_odd_untyped, . - pgflame_odd_untyped
  .skip 16
  .type pgflame_odd_around, %function
pgflame_odd_around:
  .skip 16
  .type pgflame_odd_first_crossing, %function
pgflame_odd_first_crossing:
  .skip 16
  .type pgflame_odd_second_crossing, %function
pgflame_odd_second_crossing:
  .skip 16
  .size pgflame_odd_first_crossing, . - pgflame_odd_first_crossing
  .skip 48
  .size pgflame_odd_second_crossing, . - pgflame_odd_second_crossing
  .type pgflame_odd_behind, %function
pgflame_odd_behind:
  .skip 16
  .size pgflame_odd_behind, . - pgflame_odd_behind
  .skip 16
  .size pgflame_odd_around, . - pgflame_odd_around
  .globl pgflame_odd_end
pgflame_odd_end:
  .skip 16
  .popsection
)");
