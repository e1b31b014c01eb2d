//! What an event of a person costs after many others of the same person.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tillroll_collector::clock::Stopwatch;

/// The events of the person, one a request.
const EVENTS: usize = 1_000;

/// How many events a median is of.
const SAMPLE: usize = 100;

/// Stores the events of one person one after the other. Returns the medians of the first and of the last ones, in milliseconds.
pub(crate) fn measure(address: SocketAddr) -> [f64; 2] {
    let mut connection = TcpStream::connect(address).expect("a connection");
    connection.set_nodelay(true).expect("a socket");
    let took: Vec<Duration> = (0..EVENTS).map(|number| store(&mut connection, number)).collect();
    [&took[..SAMPLE], &took[EVENTS - SAMPLE..]].map(|part| {
        let mut sorted = part.to_vec();
        sorted.sort_unstable();
        sorted[SAMPLE / 2].as_secs_f64() * 1_000.0
    })
}

fn store(connection: &mut TcpStream, number: usize) -> Duration {
    let event = format!(
        r#"{{"id":"01a20000-0000-7000-8000-{number:012x}","type":"basket_add","api":"tillroll","time":{},"visitorEmail":"person@x.com","params":{{"product_id":"{}","quantity":1}}}}"#,
        1_795_868_000_000_u64 + number as u64,
        number % 50
    );
    let body = format!(r#"{{"token":"token","events":[{event}]}}"#);
    let request = format!("POST /v2/batch HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let watch = Stopwatch::start();
    connection.write_all(request.as_bytes()).expect("a request");
    let mut response = Vec::new();
    while !response.ends_with(b"}") {
        let mut part = [0; 1024];
        let read = connection.read(&mut part).expect("a response");
        assert_ne!(read, 0, "the connection was closed");
        response.extend_from_slice(&part[..read]);
    }
    assert!(response.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&response));
    watch.elapsed()
}
