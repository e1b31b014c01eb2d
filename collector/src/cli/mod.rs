//! The command line: arguments, the commands that export, import, back up, restore and manage a data folder, and the clients of a running
//! server.
//!
//! Each command reads and writes page by page, so its memory use does not depend on the number of records. Progress bars are shown only on
//! a terminal. Errors name the file or flag and what to do about it.

mod args;
pub mod backup;
mod chunks;
pub mod doctor;
pub mod export;
mod files;
pub mod import;
pub mod join;
pub mod keys;
mod progress;
pub mod projects;
pub mod restore;
mod serve_check;
mod server;
pub mod settings;
pub mod shell;
pub mod stop_signal;
pub mod tail;

use anyhow::{Context, anyhow};

pub use args::{Cli, Command, Invocation, parse};

/// Returns the number and the token of a project: of the one with this token or, without a token, of the only one.
fn choose_project<'a>(projects: &'a [(i64, String)], token: Option<&str>) -> anyhow::Result<&'a (i64, String)> {
    let tokens = || match projects {
        [] => "no projects".to_owned(),
        _ => format!("these projects: {}", projects.iter().map(|(_, token)| token.as_str()).collect::<Vec<_>>().join(", ")),
    };
    match (token, projects) {
        (Some(token), _) => {
            let found = projects.iter().find(|(_, other)| other == token);
            found.with_context(|| format!("the data folder has no project {token}; it has {}", tokens()))
        }
        (None, [only]) => Ok(only),
        (None, _) => Err(anyhow!("the data folder has {}; choose one with --project TOKEN", tokens())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_required_unless_there_is_one_project() {
        let (one, two) = ([(3, "a".to_owned())], [(3, "a".to_owned()), (4, "b".to_owned())]);
        assert_eq!(choose_project(&one, None).ok(), Some(&one[0]));
        assert_eq!(choose_project(&two, Some("b")).ok(), Some(&two[1]));
        assert!(choose_project(&two, None).is_err_and(|error| error.to_string().contains("a, b")));
        assert!(choose_project(&two, Some("c")).is_err_and(|error| error.to_string().contains("a, b")));
        assert!(choose_project(&[], None).is_err());
    }
}
