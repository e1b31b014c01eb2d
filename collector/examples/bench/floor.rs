//! The bare server: axum with the group commit of the collector. It appends request bodies to a file, with one fsync for all that wait.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

/// The file is written from its start again at this length, so that it does not fill the disk.
const MAX_FILE_BYTES: u64 = 1 << 30;

type Waiting = (Bytes, oneshot::Sender<()>);

/// Runs the server in this process, with its file at a path, and prints the address.
pub(crate) fn serve(path: &Path) {
    let mut file = File::create(path).expect("a file");
    let (sender, mut waiting) = mpsc::channel::<Waiting>(8192);
    std::thread::spawn(move || {
        while let Some(first) = waiting.blocking_recv() {
            let mut group = vec![first];
            while let Ok(next) = waiting.try_recv() {
                group.push(next);
            }
            append(&mut file, &group).expect("a disk");
            for (_, answer) in group {
                let _ = answer.send(());
            }
        }
    });
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address"));
        let app = Router::new().route("/v2/batch", post(store)).with_state(sender);
        axum::serve(listener, app).await.expect("a server");
    });
}

fn append(file: &mut File, group: &[Waiting]) -> std::io::Result<()> {
    if file.stream_position()? > MAX_FILE_BYTES {
        file.set_len(0)?;
        file.rewind()?;
    }
    let bodies: Vec<&[u8]> = group.iter().map(|(body, _)| &body[..]).collect();
    file.write_all(&bodies.concat())?;
    file.sync_data()
}

async fn store(State(sender): State<mpsc::Sender<Waiting>>, body: Bytes) -> StatusCode {
    let (answer, stored) = oneshot::channel();
    match (sender.send((body, answer)).await, stored.await) {
        (Ok(()), Ok(())) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
