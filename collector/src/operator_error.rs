//! Errors of the store for the operator: the messages of commands and of the server's start, with what to do about them.

use rusqlite::ErrorCode;

use crate::store::StoreError;

/// Returns an error of the store with advice. The message contains its cause, once.
pub(crate) fn with_advice(error: StoreError) -> anyhow::Error {
    match advice(&error) {
        Some(advice) => anyhow::anyhow!("{error}; {advice}"),
        None => anyhow::anyhow!("{error}"),
    }
}

fn advice(error: &StoreError) -> Option<&'static str> {
    Some(match error {
        StoreError::Folder { .. } => "make it writable or choose another folder with --data",
        StoreError::InUse(_) => "stop the other collector or choose another folder with --data",
        StoreError::NotFound(_) => "choose the data folder with --data",
        StoreError::Unfinished(_) => "delete the folder and run `tillroll restore` or `tillroll join` again",
        StoreError::UnsupportedVersion { .. } => "start the version of Tillroll that wrote it, or choose an empty folder with --data",
        StoreError::Damaged { .. } => "restore a backup",
        StoreError::PathNotUtf8(_) => "choose another path",
        StoreError::DiskFull | StoreError::NotWritten { is_disk_full: true, .. } => "free disk space and try again",
        StoreError::InGroup(_) => {
            "start it with the --log of the group, use a running collector of the group, or make it independent with `tillroll leave`"
        }
        StoreError::Copy { source, .. } => match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "free disk space or choose another folder",
            _ => return None,
        },
        StoreError::Open { source, .. } | StoreError::Read(source) => match source.sqlite_error_code()? {
            ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                "the user that runs tillroll must own the data folder and the files in it"
            }
            ErrorCode::DiskFull => "free disk space and try again",
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => "the file is damaged: restore a backup",
            _ => return None,
        },
        StoreError::NotWritten { .. }
        | StoreError::Write
        | StoreError::QueueFull
        | StoreError::LogUnavailable
        | StoreError::CatchingUp
        | StoreError::LogStopped(_)
        | StoreError::TooLargeForLog { .. }
        | StoreError::WrongLog(_)
        | StoreError::Stopping => return None,
    })
}
