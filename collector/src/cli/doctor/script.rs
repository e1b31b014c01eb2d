//! Whether pages get the script and its files: served, compressed, readable from other origins, of this version.

use ureq::Body;
use ureq::http::Response;

use super::report::{Finding, Report};
use crate::cli::server::{ServerClient, header};

const PATH: &str = "/tracking.js";

/// Reports on the script.
pub(super) fn check(server: &ServerClient, report: &mut Report) {
    let plain = match fetch(server, PATH, "identity") {
        Ok((response, bytes)) => {
            report.add("script", &served(&response, bytes.len()));
            report.add("other origins", &origins(&response));
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Err(finding) => return report.add("script", &finding),
    };
    report.add("compression", &compression(server, plain.len()));
    if let Some(file) = named_file(&plain) {
        report.add("script's files", &fetch(server, &format!("/{file}"), "identity").map_or_else(|finding| finding, |_| Finding::ok(file)));
    }
    report.add("script version", &version(&plain));
}

fn fetch(server: &ServerClient, path: &str, encodings: &str) -> Result<(Response<Body>, Vec<u8>), Finding> {
    let mut response = server.get(path, &[("accept-encoding", encodings)]).map_err(|error| Finding::problem(format!("{error:#}")))?;
    match response.status().as_u16() {
        200 => match response.body_mut().read_to_vec() {
            Ok(bytes) => Ok((response, bytes)),
            Err(error) => Err(Finding::problem(format!("{path} breaks off: {error}; check the limits of the proxy"))),
        },
        404 => Err(Finding::problem(format!(
            "{path} is missing: let the proxy pass every path on; a server without the library needs --assets, or a binary of `cargo xtask build`"
        ))),
        _ => Err(Finding::problem(format!("{:#}", server.unexpected(path, &mut response)))),
    }
}

fn served(response: &Response<Body>, bytes: usize) -> Finding {
    let media_type = header(response, "content-type");
    if media_type.contains("javascript") {
        return Finding::ok(format!("{PATH}, {bytes} bytes"));
    }
    Finding::problem(format!("{PATH} has the type `{media_type}`, which browsers do not run: let the proxy keep Content-Type"))
}

/// Modules, and pages with a content security policy, load the files as those of another origin.
fn origins(response: &Response<Body>) -> Finding {
    match header(response, "access-control-allow-origin") {
        "*" => Finding::ok("pages of any origin may load the files"),
        other => Finding::problem(format!(
            "Access-Control-Allow-Origin is `{other}` in place of `*`, so pages cannot load the files and read no answer: let the proxy keep it"
        )),
    }
}

fn compression(server: &ServerClient, plain_bytes: usize) -> Finding {
    match fetch(server, PATH, "br, gzip") {
        Err(finding) => finding,
        Ok((response, bytes)) => match header(&response, "content-encoding") {
            encoding @ ("br" | "gzip") => Finding::ok(format!("{encoding}, {} in place of {plain_bytes} bytes", bytes.len())),
            _ => Finding::warning(format!(
                "none: pages download {} bytes: let the proxy pass Accept-Encoding on and keep Content-Encoding",
                bytes.len()
            )),
        },
    }
}

/// Returns a file that the script names, relative to its own address.
fn named_file(script: &str) -> Option<&str> {
    let start = script.find("assets/")?;
    let name = &script[start..];
    let end = name.find(|letter: char| !letter.is_ascii_alphanumeric() && !"/.-_".contains(letter))?;
    Some(&name[..end])
}

fn version(script: &str) -> Finding {
    let found = script.split_once("version:\"").and_then(|(_, rest)| rest.split_once('"')).map(|(version, _)| version);
    match found {
        Some(version) if version == env!("CARGO_PKG_VERSION") => Finding::ok(version),
        Some(version) => Finding::warning(format!(
            "the script is {version}, this program {}: a proxy or --assets has an old copy; it may last ten minutes after an upgrade",
            env!("CARGO_PKG_VERSION")
        )),
        None => Finding::warning("the script names no version: check --assets"),
    }
}
