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
const UNIT: usize = size_of::<Free>();

/// What WebAssembly's memory grows by.
const PAGE: usize = 65_536;

#[cfg(target_arch = "wasm32")]
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
        let Some(at) = more(pages) else { return false };
        // SAFETY: the new pages are nobody's yet.
        unsafe { self.give(at, pages * PAGE) };
        true
    }
}

/// Returns where so many new pages begin; None where there are none to be had.
#[cfg(target_arch = "wasm32")]
fn more(pages: usize) -> Option<*mut Free> {
    let before = core::arch::wasm32::memory_grow(0, pages);
    (before != usize::MAX).then_some((before * PAGE) as *mut Free)
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

#[cfg(test)]
use tests::more;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALIGN: usize = 8;

    /// Pages for a test, never given back.
    pub(super) fn more(pages: usize) -> Option<*mut Free> {
        let layout = Layout::from_size_align(pages * PAGE, PAGE).ok()?;
        // SAFETY: the layout is not empty.
        Some(unsafe { std::alloc::System.alloc(layout) }.cast())
    }

    fn heap() -> Heap {
        Heap { first: Cell::new(null_mut()) }
    }

    fn free_blocks(heap: &Heap) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = heap.first.get();
        // SAFETY: the list is sound.
        while let Some(block) = unsafe { at.as_ref() } {
            found.push(block.bytes);
            at = block.next;
        }
        found
    }

    /// A block in use, filled with its mark.
    struct Block(*mut u8, Layout, u8);

    impl Block {
        fn new(heap: &Heap, bytes: usize, mark: u8) -> Self {
            let layout = Layout::from_size_align(bytes, ALIGN).unwrap();
            // SAFETY: the layout is not empty, and the block is as long as it says.
            let at = unsafe { heap.alloc(layout) };
            assert!(!at.is_null() && at.addr().is_multiple_of(ALIGN));
            // SAFETY: see above.
            unsafe { at.write_bytes(mark, bytes) };
            Self(at, layout, mark)
        }

        fn end(self, heap: &Heap) {
            let Self(at, layout, mark) = self;
            // SAFETY: the block is in use, and as long as its layout says.
            let content = unsafe { std::slice::from_raw_parts(at, layout.size()) };
            assert!(content.iter().all(|byte| *byte == mark), "somebody else wrote here");
            // SAFETY: it came from this heap with this layout.
            unsafe { heap.dealloc(at, layout) };
        }
    }

    proptest! {
        /// Each step asks for a block of so many bytes and frees one of those in use.
        #[test]
        fn blocks_never_overlap_and_all_memory_comes_back(steps in prop::collection::vec((1_usize..5_000, 0_usize..8), 1..200)) {
            let heap = heap();
            let mut used = Vec::new();
            for (at, (bytes, freed)) in steps.into_iter().enumerate() {
                used.push(Block::new(&heap, bytes, at as u8));
                if freed < used.len() {
                    used.swap_remove(freed).end(&heap);
                }
            }
            used.into_iter().for_each(|block| block.end(&heap));
            prop_assert!(free_blocks(&heap).iter().all(|bytes| bytes.is_multiple_of(PAGE)), "whole pages, joined again");
        }
    }

    #[test]
    fn memory_is_used_again() {
        let heap = heap();
        for step in 0..10_000 {
            let (short, long) = (Block::new(&heap, 40, 1), Block::new(&heap, 1 + step % 3_000, 2));
            short.end(&heap);
            long.end(&heap);
        }
        assert_eq!(free_blocks(&heap), [PAGE]);
    }

    #[test]
    fn a_block_may_be_longer_than_a_page() {
        let heap = heap();
        Block::new(&heap, 3 * PAGE + 1, 1).end(&heap);
        assert_eq!(free_blocks(&heap), [4 * PAGE]);
    }
}
