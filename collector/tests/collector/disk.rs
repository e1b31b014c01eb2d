//! A disk that is full: nothing is acknowledged, everybody is told, and all is well once there is room.
#![cfg(target_os = "linux")]

use std::process::Command;

use serde_json::json;

use crate::server::{Program, read_json, until, view};

/// A disk of eight megabytes that only the program sees; None where the system does not let us make one.
fn small_disk(folder: &std::path::Path) -> Option<Program> {
    let script = "mount -t tmpfs -o size=8m tmpfs \"$1\" && dd if=/dev/zero of=\"$1/ballast\" bs=1M count=2 2>/dev/null || exit 1
                  program=$0; shift; exec \"$program\" serve \"$@\"";
    let allowed = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "tmpfs"]).arg(folder).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_tillroll")]).arg(folder);
    Some(Program::run(&mut command, folder, &["--project", "t:s"]))
}

#[test]
fn a_full_disk_is_told_to_everybody_and_a_reserve_stays() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = small_disk(folder.path()) else {
        // The limit on the size of files, in `faults`, stands for it then.
        return;
    };
    let client = &program.client;
    assert_eq!(client.get("/readyz", &[]).status(), 200);
    let batch = |first: u64| (first..first + 50).map(|number| view(number, 1, "ab")).collect::<Vec<_>>();
    let mut stored = 0;
    let mut refused = loop {
        let answer = client.send(&batch(stored));
        if answer.status() != 200 {
            break answer;
        }
        stored += 50;
    };
    assert!(stored > 0);
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "60"));
    assert_eq!(read_json(&mut refused)["error"]["code"], "disk_full");
    let mut ready = client.get("/readyz", &[]);
    assert_eq!((ready.status().as_u16(), &read_json(&mut ready)["error"]["code"]), (503, &json!("disk_full")));
    assert_eq!(client.get("/healthz", &[]).status(), 200);
    assert_eq!(client.export("").len() as u64, stored);
    assert!(client.counted("tillroll_disk_free_bytes") > 0.0, "a reserve is kept back");

    let inside = format!("/proc/{}/root{}/ballast", program.child.id(), folder.path().display());
    std::fs::remove_file(inside).unwrap();
    until("the server is ready again", || client.get("/readyz", &[]).status() == 200);
    assert_eq!(client.store(&batch(stored)), (50, 0));
    assert_eq!(client.export("").len() as u64, stored + 50);
}
