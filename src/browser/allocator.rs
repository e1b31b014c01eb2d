//! The page's memory: a list of free blocks, in the order of their addresses, so that neighbours grow together again.
//!
//! The standard library's allocator is made for speed on large heaps and would be a sixth of the download. A page holds a few hundred
//! blocks at most and lives for hours: what counts is that memory is used again, and the first block that fits is close enough.
//!
//! The only file with `unsafe` in it: handing out memory cannot be said without. Every block is a multiple of [`UNIT`] long and lies on
//! a multiple of it, and the blocks of the list never touch each other.
#![expect(unsafe_code, reason = "an allocator is an unsafe trait about raw memory")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::null_mut;

/// The smallest block, and the strictest alignment: what [`Free`] takes.
const UNIT: usize = 8;

/// What WebAssembly's memory grows by.
const PAGE: usize = 65_536;

#[global_allocator]
static HEAP: Heap = Heap { first: Cell::new(null_mut()) };

/// A block that nobody uses; it lies in the block itself.
struct Free {
    bytes: usize,
    next: *mut Free,
}

struct Heap {
    first: Cell<*mut Free>,
}

// SAFETY: the module is built without threads, so nobody else is there to share with.
unsafe impl Sync for Heap {}

// SAFETY: a block is in the list or in use, never both, and blocks do not overlap: see `take` and `give`.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = rounded(layout);
        if layout.align() > UNIT {
            return null_mut();
        }
        // SAFETY: the list is sound, and so is what `grow` adds to it.
        unsafe {
            let found = self.take(bytes);
            if found.is_null() && self.grow(bytes) { self.take(bytes) } else { found }
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller had this block from `alloc` with the same layout, and uses it no more.
        unsafe { self.give(at.cast(), rounded(layout)) }
    }
}

impl Heap {
    /// Takes the end of the first block that is long enough; null where there is none.
    unsafe fn take(&self, bytes: usize) -> *mut u8 {
        let mut link = self.first.as_ptr();
        // SAFETY: every link of the list is null or leads to a free block, which nobody else reads or writes.
        unsafe {
            while let Some(block) = (*link).as_mut() {
                if block.bytes > bytes {
                    block.bytes -= bytes;
                    return (&raw mut *block).byte_add(block.bytes).cast();
                }
                if block.bytes == bytes {
                    *link = block.next;
                    return (&raw mut *block).cast();
                }
                link = &raw mut block.next;
            }
        }
        null_mut()
    }

    /// Puts a block where its address belongs, and joins it with the neighbours that it touches.
    unsafe fn give(&self, block: *mut Free, bytes: usize) {
        let mut link = self.first.as_ptr();
        let mut before: *mut Free = null_mut();
        // SAFETY: as in `take`; `block` is `bytes` long and nobody's.
        unsafe {
            while !(*link).is_null() && *link < block {
                before = *link;
                link = &raw mut (*before).next;
            }
            block.write(Free { bytes, next: *link });
            *link = block;
            join(block);
            if !before.is_null() {
                join(before);
            }
        }
    }

    /// Asks the browser for more; false where it has none.
    unsafe fn grow(&self, bytes: usize) -> bool {
        let pages = bytes.div_ceil(PAGE);
        let before = core::arch::wasm32::memory_grow(0, pages);
        if before == usize::MAX {
            return false;
        }
        // SAFETY: the new pages are nobody's yet.
        unsafe { self.give((before * PAGE) as *mut Free, pages * PAGE) };
        true
    }
}

/// Makes one block of two that touch.
unsafe fn join(block: *mut Free) {
    // SAFETY: the caller's block is in the list, and so is the one after it.
    unsafe {
        let next = (*block).next;
        if block.byte_add((*block).bytes) == next {
            (*block).bytes += (*next).bytes;
            (*block).next = (*next).next;
        }
    }
}

fn rounded(layout: Layout) -> usize {
    layout.size().wrapping_add(UNIT - 1) & !(UNIT - 1)
}
