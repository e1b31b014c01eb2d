//! Skips a build step whose inputs did not change, for tools that cannot detect this themselves.

use anyhow::Result;

use crate::context::Context;
use crate::files;

/// Runs `build` unless all `outputs` exist and were built from inputs with this hash. Records the hash only after a success.
pub(super) fn build_if_changed(
    context: &Context,
    hash_file: &str,
    input_hash: &str,
    outputs: &[&str],
    build: impl FnOnce() -> Result<()>,
) -> Result<String> {
    let hash_file = context.path(hash_file);
    let is_complete = outputs.iter().all(|file| context.path(file).is_file());
    if is_complete && std::fs::read_to_string(&hash_file).is_ok_and(|last| last == input_hash) {
        return Ok("unchanged".into());
    }
    build()?;
    files::write(&hash_file, input_hash.as_bytes())?;
    Ok(String::new())
}
