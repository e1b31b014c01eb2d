//! A record of what a result was made from, for steps whose tools cannot tell whether there is anything to do.

use crate::context::Context;
use crate::error::Error;
use crate::files;

/// Runs `make`, unless everything in `made` is there and was made from these inputs. Only a success is recorded.
pub(super) fn unless_made(
    context: &Context,
    stamp: &str,
    inputs: &str,
    made: &[&str],
    make: impl FnOnce() -> Result<(), Error>,
) -> Result<String, Error> {
    let stamp = context.path(stamp);
    if made.iter().all(|file| context.path(file).is_file()) && std::fs::read_to_string(&stamp).is_ok_and(|last| last == inputs) {
        return Ok("unchanged".into());
    }
    make()?;
    files::write(&stamp, inputs.as_bytes())?;
    Ok(String::new())
}
