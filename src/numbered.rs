//! Enums whose variants cross the border to the script as numbers. The build replaces their names in the script, so both sides use names.

/// Defines an enum with the names of its variants, in the order of the numbers.
macro_rules! numbered {
    ($(#[$about:meta])* $name:ident { $($(#[$variant_about:meta])* $variant:ident,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum $name {
            $($(#[$variant_about])* $variant,)*
        }

        impl $name {
            /// The names of all variants.
            pub const NAMES: &[&str] = &[$(stringify!($variant)),*];

            /// Returns the variant with this number; None for any other number.
            pub fn from_number(number: u32) -> Option<Self> {
                match number {
                    $(number if number == Self::$variant as u32 => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}
