//! What the program does besides serving: taking data out, putting it in, keeping it safe.
//!
//! Each reads and writes piece by piece, so a million records need no more memory than a thousand. A progress bar shows on a terminal and
//! nowhere else.

pub mod backup;
mod chunks;
mod error;
pub mod export;
pub mod import;
pub mod keys;
pub mod projects;
pub mod restore;

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

pub use error::Fault;

/// Returns a bar that counts things.
fn counting(what: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos} of {human_len}, {eta} left");
    bar(style, what, total)
}

/// Returns a bar that counts bytes.
fn weighing(what: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes} of {total_bytes}, {eta} left");
    bar(style, what, total)
}

fn bar(style: Result<ProgressStyle, indicatif::style::TemplateError>, what: &'static str, total: u64) -> ProgressBar {
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style).with_message(what)
}

/// Chooses among projects: the one that is named, else the only one.
fn choose(projects: &[(i64, String)], named: Option<&str>) -> Result<i64, Fault> {
    let tokens = || projects.iter().map(|(_, token)| token.as_str()).collect::<Vec<_>>().join(", ");
    match (named, projects) {
        (Some(named), _) => {
            let found = projects.iter().find(|(_, token)| token == named);
            found.map(|(id, _)| *id).ok_or_else(|| Fault::NoProject { token: named.into(), known: tokens() })
        }
        (None, [(id, _)]) => Ok(*id),
        (None, _) => Err(Fault::WhichProject(tokens())),
    }
}

/// Makes what was done to the entries of a folder durable.
fn sync_folder(folder: &Path) -> Result<(), Fault> {
    let synced = std::fs::File::open(folder).and_then(|file| file.sync_all());
    synced.map_err(|source| Fault::file("write", folder, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_named_unless_there_is_only_one() {
        let (one, two) = ([(3, "a".to_owned())], [(3, "a".to_owned()), (4, "b".to_owned())]);
        assert_eq!(choose(&one, None).ok(), Some(3));
        assert_eq!(choose(&two, Some("b")).ok(), Some(4));
        assert!(choose(&two, None).is_err_and(|fault| fault.to_string().contains("a, b")));
        assert!(choose(&two, Some("c")).is_err_and(|fault| fault.to_string().contains("a, b")));
        assert!(choose(&[], None).is_err());
    }
}
