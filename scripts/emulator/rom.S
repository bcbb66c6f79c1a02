// The emulated machine's ROM, the last 64 KiB below 4 GiB. It stands in for BIOS and boot loader: switches the processor to
// 64-bit mode and jumps into Linux, which image.js has put into memory. BOOT_PARAMS and PAGE_TABLES are image.js's.
// Entry conditions: Linux's Documentation/arch/x86/boot.rst, "64-bit Boot Protocol".

.set ROM_SIZE,       0x10000
.set RESET_VECTOR,   0xfff0

.set CODE32_START,   0x214          // Fields of boot_params; the first holds the kernel's entry.
.set RAMDISK_IMAGE,  0x218
.set RAMDISK_SIZE,   0x21c

.set CODE64,         0x10           // Selectors, as Linux wants them
.set DATA,           0x18
.set CODE32,         0x20

.set PORT_A20,       0x92
.set CR0_PROTECTED,  1 << 0
.set CR0_PAGING,     1 << 31
.set CR4_PAE,        1 << 5
.set MSR_EFER,       0xc0000080
.set EFER_LONG_MODE, 1 << 8

.intel_syntax noprefix

.code16
rom:
    cli
    in al, PORT_A20                 // Address line 20, off at reset
    or al, 2
    out PORT_A20, al
    lgdtd cs:[gdt_pointer - rom]
    mov eax, cr0
    or eax, CR0_PROTECTED
    mov cr0, eax
    data32 jmp CODE32:protected_mode

.code32
protected_mode:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax

    // Bochs loads the image in one piece, but hands out its memory in blocks in the order of their first use. Linux would use
    // them in another order and find them swapped.
    mov esi, BOOT_PARAMS
    mov edx, [esi + RAMDISK_IMAGE]
    add edx, [esi + RAMDISK_SIZE]
    mov ecx, esi
touch:
    mov al, [ecx]
    add ecx, 4096
    cmp ecx, edx
    jb touch

    mov eax, PAGE_TABLES
    mov cr3, eax
    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LONG_MODE
    wrmsr
    mov eax, cr0
    or eax, CR0_PAGING
    mov cr0, eax
    jmp CODE64:long_mode

.code64
long_mode:
    mov eax, [rsi + CODE32_START]   // rsi: boot_params, for Linux
    jmp rax

.balign 8
gdt:
    .quad 0
    .quad 0
    .quad 0x00af9b000000ffff        // CODE64
    .quad 0x00cf93000000ffff        // DATA: 4 GiB
    .quad 0x00cf9b000000ffff        // CODE32: 4 GiB
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt

.code16
.org RESET_VECTOR
    jmp rom
.org ROM_SIZE
