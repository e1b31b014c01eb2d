//! A collector of another version, as its group sees it: the same program behind a port that replaces the version in what it sends and gets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

/// After this time without further bytes, the beginning of a text that would be replaced is passed on as it is.
const MAX_HELD: Duration = Duration::from_millis(200);

/// A text and the one of the same length that takes its place.
pub(crate) type Replacement = (Vec<u8>, Vec<u8>);

/// What is replaced on the way to the server, and on the way back.
#[derive(Clone)]
pub(crate) struct Translation {
    pub(crate) sent: Vec<Replacement>,
    pub(crate) received: Vec<Replacement>,
}

impl Translation {
    /// Opens a port that leads to the port of a server, and returns it.
    pub(crate) fn open(&self, port: u16) -> u16 {
        let (listener, translation) = (TcpListener::bind("127.0.0.1:0").unwrap(), self.clone());
        let own = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (Ok(to_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { continue };
                let Translation { sent, received } = translation.clone();
                std::thread::spawn(move || copy(client, to_server, &sent));
                std::thread::spawn(move || copy(server, to_client, &received));
            }
        });
        own
    }
}

/// Copies until one of both ends closes, and closes the other.
fn copy(mut from: TcpStream, mut to: TcpStream, replacements: &[Replacement]) {
    let _ = (from.set_read_timeout(Some(MAX_HELD)), to.set_nodelay(true));
    let (mut buffer, mut held) = ([0; 32 * 1024], Vec::new());
    loop {
        let passed = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                held.extend_from_slice(&buffer[..count]);
                replace(&mut held, replacements)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => held.len(),
            Err(_) => break,
        };
        if to.write_all(&held[..passed]).is_err() {
            break;
        }
        held.drain(..passed);
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// Replaces texts, and returns how many bytes do not depend on what follows.
fn replace(bytes: &mut [u8], replacements: &[Replacement]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &mut bytes[at..];
        if let Some((text, other)) = replacements.iter().find(|(text, _)| rest.starts_with(text)) {
            rest[..text.len()].copy_from_slice(other);
            at += text.len();
        } else if replacements.iter().any(|(text, _)| text.starts_with(rest)) {
            return at;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[test]
fn texts_are_replaced_also_if_they_arrive_in_parts() {
    let replacements = [(b"abc".to_vec(), b"xyz".to_vec()), (b"xyz".to_vec(), b"abc".to_vec())];
    for (text, expected, passed) in [("-abc-xyz-", "-xyz-abc-", 9), ("abcab", "xyzab", 3), ("ab-x", "ab-x", 3), ("", "", 0)] {
        let mut bytes = text.as_bytes().to_vec();
        assert_eq!((replace(&mut bytes, &replacements), bytes.as_slice()), (passed, expected.as_bytes()), "{text}");
    }
}
