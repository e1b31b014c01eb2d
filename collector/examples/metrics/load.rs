//! Events that come in at a steady rate, as pages of a busy shop send them: batches over HTTP, one in twenty an addition to a basket, which
//! the projection has to follow.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tillroll_collector::clock::{Clock, Stopwatch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

const BATCH: u64 = 50;
const CONNECTIONS: u64 = 8;
/// So many are in the shop: each does something every five seconds.
const VISITORS: u64 = 100_000;

static STORED: AtomicU64 = AtomicU64::new(0);

/// Does `work` while `rate` events a second come in. Returns how many were stored in a second.
pub(crate) fn during(address: &str, rate: u64, work: impl FnOnce()) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let (theirs, address) = (Arc::clone(&stop), address.to_owned());
    let sender = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let each = Duration::from_secs(1) * u32::try_from(CONNECTIONS * BATCH).unwrap_or(1) / u32::try_from(rate).unwrap_or(1);
            let senders: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(send(address.clone(), each, Arc::clone(&theirs)))).collect();
            for sender in senders {
                sender.await.expect("a sender");
            }
        });
    });
    let watch = Stopwatch::start();
    work();
    let stored = STORED.load(Relaxed) as f64 / watch.elapsed().as_secs_f64();
    stop.store(true, Relaxed);
    sender.join().expect("the senders");
    stored
}

/// The number of the first event: another one in each run, for a store that is kept knows the ids of the last.
fn first() -> u64 {
    static FIRST: OnceLock<u64> = OnceLock::new();
    *FIRST.get_or_init(|| Clock::SYSTEM.millis() * 1_000)
}

async fn send(address: String, each: Duration, stop: Arc<AtomicBool>) {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.set_nodelay(true).expect("a socket");
    let mut ticks = interval(each);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut answer = vec![0; 4096];
    while !stop.load(Relaxed) {
        ticks.tick().await;
        connection.write_all(request().as_bytes()).await.expect("a request");
        let length = connection.read(&mut answer).await.expect("an answer");
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..length]));
        STORED.fetch_add(BATCH, Relaxed);
    }
}

fn request() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let first = first() + NEXT.fetch_add(BATCH, Relaxed);
    let mut events = String::new();
    for number in first..first + BATCH {
        let comma = if number == first { "" } else { "," };
        let (time, chance) = (1_700_000_000_000 + number / 20 % 1_000_000_000, number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (kind, quantity) = if number.is_multiple_of(20) { ("basket_add", ",\"quantity\":1") } else { ("product_view", "") };
        let (upper, lower, chance) = ((time >> 16) & 0xffff_ffff, time & 0xffff, chance >> 16);
        let _ = write!(
            events,
            "{comma}{{\"id\":\"{upper:08x}-{lower:04x}-7000-8000-{chance:012x}\",\"type\":\"{kind}\",\"api\":\"headless\",\"time\":{time},\
             \"visitorId\":\"{visitor:042x}\",\"sessionId\":\"0123456789abcdef\",\"page\":{{\"url\":\"https://shop.example/p/1?a=b\",\
             \"referrer\":\"https://shop.example/\",\"title\":\"A rather long name\"}},\"params\":{{\"product_id\":\"12\"{quantity}}}}}",
            visitor = number / 20 % VISITORS + 1,
        );
    }
    let body = format!("{{\"token\":\"token\",\"trackingLibraryVersion\":\"0.1.0\",\"sentAt\":1700000000000,\"events\":[{events}]}}");
    format!("POST /v2/batch HTTP/1.1\r\nhost: bench\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
