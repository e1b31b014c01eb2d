//! The WebAssembly allocator: a free list for each power of two.
//!
//! The standard library's allocator is built for speed on large heaps and would be a sixth of the download. A page has at most a few hundred
//! blocks and stays open for hours, so freed blocks are used again. A block is at most twice as large as requested.
//!
//! This is the only file with `unsafe` code; an allocator needs it. Invariant: the size of each block is a power of two, and its address a
//! multiple of [`MIN_BYTES`].
#![expect(unsafe_code, reason = "an allocator is an unsafe trait about raw memory")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::null_mut;

/// The smallest block, and the greatest alignment.
const MIN_BYTES: usize = 8;

/// The unit by which WebAssembly memory grows.
const PAGE: usize = 65_536;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static HEAP: Heap = Heap::new();

/// A free block; it contains the address of the next free block of its size.
type FreeBlock = *mut u8;

struct Heap {
    /// The first free block of each size, by its binary logarithm.
    free: [Cell<FreeBlock>; 32],
    /// The start of the memory that was never used, and its length.
    unused: Cell<*mut u8>,
    unused_bytes: Cell<usize>,
}

// SAFETY: the module is built without threads.
unsafe impl Sync for Heap {}

// SAFETY: a block is either free or in use, and blocks do not overlap: each is cut off the unused memory once.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = block_bytes(layout);
        let Some(free) = self.free.get(bytes.trailing_zeros() as usize).filter(|_| layout.align() <= MIN_BYTES) else { return null_mut() };
        let block = free.get();
        if block.is_null() {
            return self.cut(bytes);
        }
        // SAFETY: a free block contains the address of the next one.
        free.set(unsafe { block.cast::<FreeBlock>().read() });
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(free) = self.free.get(block_bytes(layout).trailing_zeros() as usize) {
            // SAFETY: the caller got this block from `alloc` with the same layout, and does not use it afterwards; it has at least 8 bytes.
            unsafe { block.cast::<FreeBlock>().write(free.get()) };
            free.set(block);
        }
    }
}

impl Heap {
    const fn new() -> Self {
        Self { free: [const { Cell::new(null_mut()) }; 32], unused: Cell::new(null_mut()), unused_bytes: Cell::new(0) }
    }

    /// Cuts a block off the unused memory, which grows if it is too short; returns null if the browser has no more.
    fn cut(&self, bytes: usize) -> *mut u8 {
        if self.unused_bytes.get() < bytes {
            let pages = bytes.div_ceil(PAGE);
            let Some(start) = grow_memory(pages) else { return null_mut() };
            self.unused.set(start);
            self.unused_bytes.set(pages * PAGE);
        }
        let block = self.unused.get();
        self.unused.set(block.wrapping_add(bytes));
        self.unused_bytes.set(self.unused_bytes.get() - bytes);
        block
    }
}

/// Grows the memory by `pages`; returns the start of the new pages, or None if the browser refuses.
#[cfg(target_arch = "wasm32")]
fn grow_memory(pages: usize) -> Option<*mut u8> {
    let before = core::arch::wasm32::memory_grow(0, pages);
    (before != usize::MAX).then_some((before * PAGE) as *mut u8)
}

fn block_bytes(layout: Layout) -> usize {
    layout.size().max(MIN_BYTES).next_power_of_two()
}

#[cfg(test)]
use tests::grow_memory;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALIGN: usize = 8;

    /// Returns pages for a test, which are never freed.
    pub(super) fn grow_memory(pages: usize) -> Option<*mut u8> {
        let layout = Layout::from_size_align(pages * PAGE, PAGE).ok()?;
        // SAFETY: the layout is not empty.
        Some(unsafe { std::alloc::System.alloc(layout) })
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
        fn blocks_never_overlap(steps in prop::collection::vec((1_usize..5_000, 0_usize..8), 1..200)) {
            let heap = Heap::new();
            let mut used = Vec::new();
            for (at, (bytes, freed)) in steps.into_iter().enumerate() {
                used.push(Block::new(&heap, bytes, at as u8));
                if freed < used.len() {
                    used.swap_remove(freed).free(&heap);
                }
            }
            used.into_iter().for_each(|block| block.free(&heap));
        }
    }

    #[test]
    fn freed_memory_is_reused() {
        let heap = Heap::new();
        for step in 0..10_000 {
            let (short, long) = (Block::new(&heap, 40, 1), Block::new(&heap, 1 + step % 3_000, 2));
            short.free(&heap);
            long.free(&heap);
        }
        // One block of each size.
        assert!(PAGE - heap.unused_bytes.get() < 3 * 4_096, "{}", heap.unused_bytes.get());
    }

    #[test]
    fn block_larger_than_a_page_is_allocated() {
        let heap = Heap::new();
        let first = Block::new(&heap, 3 * PAGE + 1, 1);
        let address = first.0;
        first.free(&heap);
        assert_eq!(Block::new(&heap, 4 * PAGE, 2).0, address);
    }
}
