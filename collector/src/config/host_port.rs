//! An address to listen on.

/// Parses `HOST:PORT`.
pub(super) fn host_port(text: &str) -> Result<String, String> {
    let has_port = text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if has_port && !text.contains(['/', '@']) {
        return Ok(text.to_owned());
    }
    Err("write HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:7070, or 0.0.0.0:7070 for all addresses of this machine".into())
}
