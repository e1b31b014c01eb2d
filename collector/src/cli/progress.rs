//! Progress bars of commands.

use indicatif::{ProgressBar, ProgressStyle};

/// Returns a progress bar that counts records.
pub(super) fn count_bar(label: &'static str, total: u64) -> ProgressBar {
    bar("{msg} {wide_bar} {human_pos} of {human_len}, {eta} left", label, total)
}

/// Returns a progress bar that counts bytes.
pub(super) fn byte_bar(label: &'static str, total: u64) -> ProgressBar {
    bar("{msg} {wide_bar} {bytes} of {total_bytes}, {eta} left", label, total)
}

fn bar(template: &str, label: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_message(label)
}
