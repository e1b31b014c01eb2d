//! The WebAssembly allocator: a first-fit free list, sorted by address, that merges adjacent free blocks.
//!
//! The standard library's allocator is built for speed on large heaps and would be a sixth of the download. A page has at most a few hundred
//! blocks and stays open for hours: reuse of memory matters more than speed.
//!
//! This is the only file with `unsafe` code; an allocator needs it. Invariant: the size and the address of each block are multiples of
//! [`UNIT_BYTES`], and no two blocks of the free list are adjacent.
#![expect(unsafe_code, reason = "an allocator is an unsafe trait about raw memory")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::null_mut;

/// The smallest block, and the greatest alignment: the size of [`FreeBlock`].
const UNIT_BYTES: usize = size_of::<FreeBlock>();

/// The unit by which WebAssembly memory grows.
const PAGE: usize = 65_536;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static HEAP: Heap = Heap { first: Cell::new(null_mut()) };

/// The header of a free block; it stands in the block itself.
struct FreeBlock {
    bytes: usize,
    next: *mut FreeBlock,
}

struct Heap {
    first: Cell<*mut FreeBlock>,
}

// SAFETY: the module is built without threads.
unsafe impl Sync for Heap {}

// SAFETY: a block is either free or in use, and blocks do not overlap: see `allocate` and `free`.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = round_up(layout);
        if layout.align() > UNIT_BYTES {
            return null_mut();
        }
        // SAFETY: the free list is valid, and `grow` keeps it valid.
        unsafe {
            let found = self.allocate(bytes);
            if found.is_null() && self.grow(bytes) { self.allocate(bytes) } else { found }
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller got this block from `alloc` with the same layout, and does not use it afterwards.
        unsafe { self.free(at.cast(), round_up(layout)) }
    }
}

impl Heap {
    /// Allocates the end of the first free block that is large enough; returns null if there is none.
    unsafe fn allocate(&self, bytes: usize) -> *mut u8 {
        let mut link = self.first.as_ptr();
        // SAFETY: each link of the list is null or points to a free block, which only the allocator uses.
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

    /// Inserts a block into the free list by address, and merges it with adjacent free blocks.
    unsafe fn free(&self, block: *mut FreeBlock, bytes: usize) {
        let mut link = self.first.as_ptr();
        let mut before: *mut FreeBlock = null_mut();
        // SAFETY: as in `allocate`; `block` has `bytes` bytes and is not in use.
        unsafe {
            while !(*link).is_null() && *link < block {
                before = *link;
                link = &raw mut (*before).next;
            }
            block.write(FreeBlock { bytes, next: *link });
            *link = block;
            merge_with_next(block);
            if !before.is_null() {
                merge_with_next(before);
            }
        }
    }

    /// Grows the memory; returns false if the browser has no more.
    unsafe fn grow(&self, bytes: usize) -> bool {
        let pages = bytes.div_ceil(PAGE);
        let Some(at) = grow_memory(pages) else { return false };
        // SAFETY: the new pages are not in use.
        unsafe { self.free(at, pages * PAGE) };
        true
    }
}

/// Grows the memory by `pages`; returns the start of the new pages, or None if the browser refuses.
#[cfg(target_arch = "wasm32")]
fn grow_memory(pages: usize) -> Option<*mut FreeBlock> {
    let before = core::arch::wasm32::memory_grow(0, pages);
    (before != usize::MAX).then_some((before * PAGE) as *mut FreeBlock)
}

/// Merges a free block with the next one if they are adjacent.
unsafe fn merge_with_next(block: *mut FreeBlock) {
    // SAFETY: `block` and the block after it are in the free list.
    unsafe {
        let next = (*block).next;
        if block.byte_add((*block).bytes) == next {
            (*block).bytes += (*next).bytes;
            (*block).next = (*next).next;
        }
    }
}

fn round_up(layout: Layout) -> usize {
    layout.size().wrapping_add(UNIT_BYTES - 1) & !(UNIT_BYTES - 1)
}

#[cfg(test)]
use tests::grow_memory;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALIGN: usize = 8;

    /// Returns pages for a test, which are never freed.
    pub(super) fn grow_memory(pages: usize) -> Option<*mut FreeBlock> {
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
        // SAFETY: the free list is valid.
        while let Some(block) = unsafe { at.as_ref() } {
            found.push(block.bytes);
            at = block.next;
        }
        found
    }

    /// A block in use, filled with a byte of its own.
    struct Block(*mut u8, Layout, u8);

    impl Block {
        fn new(heap: &Heap, bytes: usize, fill: u8) -> Self {
            let layout = Layout::from_size_align(bytes, ALIGN).unwrap();
            // SAFETY: the layout is not empty.
            let at = unsafe { heap.alloc(layout) };
            assert!(!at.is_null() && at.addr().is_multiple_of(ALIGN));
            // SAFETY: the block has `bytes` bytes.
            unsafe { at.write_bytes(fill, bytes) };
            Self(at, layout, fill)
        }

        fn free(self, heap: &Heap) {
            let Self(at, layout, fill) = self;
            // SAFETY: the block is in use and has the size of its layout.
            let content = unsafe { std::slice::from_raw_parts(at, layout.size()) };
            assert!(content.iter().all(|byte| *byte == fill), "another block overwrote this one");
            // SAFETY: `alloc` of this heap returned it for this layout.
            unsafe { heap.dealloc(at, layout) };
        }
    }

    proptest! {
        /// Each step allocates a block of `bytes` bytes and frees the block at `freed` of those in use.
        #[test]
        fn blocks_never_overlap_and_freed_memory_merges(steps in prop::collection::vec((1_usize..5_000, 0_usize..8), 1..200)) {
            let heap = heap();
            let mut used = Vec::new();
            for (at, (bytes, freed)) in steps.into_iter().enumerate() {
                used.push(Block::new(&heap, bytes, at as u8));
                if freed < used.len() {
                    used.swap_remove(freed).free(&heap);
                }
            }
            used.into_iter().for_each(|block| block.free(&heap));
            prop_assert!(free_blocks(&heap).iter().all(|bytes| bytes.is_multiple_of(PAGE)), "freed blocks merge into whole pages");
        }
    }

    #[test]
    fn freed_memory_is_reused() {
        let heap = heap();
        for step in 0..10_000 {
            let (short, long) = (Block::new(&heap, 40, 1), Block::new(&heap, 1 + step % 3_000, 2));
            short.free(&heap);
            long.free(&heap);
        }
        assert_eq!(free_blocks(&heap), [PAGE]);
    }

    #[test]
    fn block_larger_than_a_page_is_allocated() {
        let heap = heap();
        Block::new(&heap, 3 * PAGE + 1, 1).free(&heap);
        assert_eq!(free_blocks(&heap), [4 * PAGE]);
    }
}
