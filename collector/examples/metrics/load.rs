//! Sends events at a constant rate, as pages of a busy shop do: in batches over HTTP. One event in twenty adds a product to a cart, which the
//! projection must apply.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tillroll_collector::clock::{Clock, Stopwatch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

/// The number of events in a batch.
const BATCH_SIZE: u64 = 50;
const CONNECTIONS: u64 = 8;
/// The number of active visitors; each sends an event every five seconds.
const VISITORS: u64 = 100_000;

static STORED: AtomicU64 = AtomicU64::new(0);

/// Runs `work` while `rate` events per second arrive. Returns the number of events that were stored per second.
pub(crate) fn during(address: &str, rate: u64, work: impl FnOnce()) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let (stop_senders, address) = (Arc::clone(&stop), address.to_owned());
    let sender = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let period = Duration::from_secs(1) * u32::try_from(CONNECTIONS * BATCH_SIZE).unwrap_or(1) / u32::try_from(rate).unwrap_or(1);
            let senders: Vec<_> =
                (0..CONNECTIONS).map(|_| tokio::spawn(send(address.clone(), period, Arc::clone(&stop_senders)))).collect();
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

/// Returns the number of the first event. It differs in each run: a reused store already contains the ids of earlier runs.
fn first() -> u64 {
    static FIRST: OnceLock<u64> = OnceLock::new();
    *FIRST.get_or_init(|| Clock::SYSTEM.millis() * 1_000)
}

async fn send(address: String, period: Duration, stop: Arc<AtomicBool>) {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.set_nodelay(true).expect("a socket");
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut response = vec![0; 4096];
    while !stop.load(Relaxed) {
        ticks.tick().await;
        connection.write_all(request().as_bytes()).await.expect("a request");
        let length = connection.read(&mut response).await.expect("an response");
        assert!(response[..length].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&response[..length]));
        STORED.fetch_add(BATCH_SIZE, Relaxed);
    }
}

fn request() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let first = first() + NEXT.fetch_add(BATCH_SIZE, Relaxed);
    let mut events = String::new();
    for number in first..first + BATCH_SIZE {
        let comma = if number == first { "" } else { "," };
        let (time, chance) = (1_700_000_000_000 + number / 20 % 1_000_000_000, number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (kind, quantity) = if number.is_multiple_of(20) { ("basket_add", ",\"quantity\":1") } else { ("product_view", "") };
        let (upper, lower, chance) = ((time >> 16) & 0xffff_ffff, time & 0xffff, chance >> 16);
        let _ = write!(
            events,
            "{comma}{{\"id\":\"{upper:08x}-{lower:04x}-7000-8000-{chance:012x}\",\"type\":\"{kind}\",\"api\":\"tillroll\",\"time\":{time},\
             \"visitorId\":\"{visitor:042x}\",\"sessionId\":\"0123456789abcdef\",\"page\":{{\"url\":\"https://shop.example/p/1?a=b\",\
             \"referrer\":\"https://shop.example/\",\"title\":\"A rather long name\"}},\"params\":{{\"product_id\":\"12\"{quantity}}}}}",
            visitor = number / 20 % VISITORS + 1,
        );
    }
    let body = format!("{{\"token\":\"token\",\"trackingLibraryVersion\":\"0.1.0\",\"sentAt\":1700000000000,\"events\":[{events}]}}");
    format!("POST /v2/batch HTTP/1.1\r\nhost: bench\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
