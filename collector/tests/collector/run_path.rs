//! Where the program searches its shared libraries: a folder that another user can write to would run that user's code.

const DYNAMIC_SECTION: u32 = 6;
const RPATH: u64 = 15;
const RUN_PATH: u64 = 29;

/// A 64-bit ELF file, little endian.
struct Elf(Vec<u8>);

impl Elf {
    /// Returns the number of this many bytes at a position.
    fn number(&self, at: usize, bytes: usize) -> u64 {
        self.0[at..at + bytes].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn position(&self, at: usize) -> usize {
        usize::try_from(self.number(at, 8)).unwrap()
    }

    /// Returns the positions of the headers of all sections.
    fn sections(&self) -> Vec<usize> {
        let (first, size, count) = (self.position(0x28), self.number(0x3a, 2), self.number(0x3c, 2));
        (0..count).map(|number| first + usize::try_from(number * size).unwrap()).collect()
    }

    fn run_paths(&self) -> Vec<&str> {
        let sections = self.sections();
        let dynamic = *sections.iter().find(|section| self.number(*section + 4, 4) == u64::from(DYNAMIC_SECTION)).unwrap();
        let (entries, size) = (self.position(dynamic + 0x18), self.position(dynamic + 0x20));
        let texts = self.position(sections[usize::try_from(self.number(dynamic + 0x28, 4)).unwrap()] + 0x18);
        let paths = (entries..entries + size).step_by(16).filter(|entry| [RPATH, RUN_PATH].contains(&self.number(*entry, 8)));
        paths.map(|entry| self.text(texts + self.position(entry + 8))).collect()
    }

    fn text(&self, at: usize) -> &str {
        std::str::from_utf8(self.0[at..].split(|byte| *byte == 0).next().unwrap()).unwrap()
    }
}

#[test]
fn libraries_are_searched_beside_the_program_only() {
    let program = Elf(std::fs::read(env!("CARGO_BIN_EXE_tillroll")).unwrap());
    assert_eq!(program.run_paths(), ["$ORIGIN"]);
}
