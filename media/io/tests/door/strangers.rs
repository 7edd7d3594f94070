//! Who comes to the media port by TCP and is nobody's client.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::node::Node;

const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the node closes the connection.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 64];
    matches!(tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn what_is_not_framed_as_media_is_cut_off_at_once() {
    let node = Node::start().await;
    let mut browser = TcpStream::connect(node.media_address()).await.unwrap();
    browser.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(is_closed(&mut browser).await);
    node.stop().await;
}

#[tokio::test]
async fn one_address_opens_only_so_many_connections_without_proving_itself() {
    let node = Node::start().await;
    let mut waiting = Vec::new();
    for _ in 0..32 {
        waiting.push(TcpStream::connect(node.media_address()).await.unwrap());
    }
    let mut one_more = TcpStream::connect(node.media_address()).await.unwrap();
    assert!(is_closed(&mut one_more).await);
    // What is no proof of anything is taken in and answered with nothing.
    waiting[0].write_all(&[0, 4, 1, 2, 3, 4]).await.unwrap();
    let mut buffer = [0; 8];
    let answer = tokio::time::timeout(Duration::from_millis(200), waiting[0].read(&mut buffer)).await;
    assert!(answer.is_err(), "neither answered nor closed");
    // Who goes makes room.
    waiting.clear();
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut next = TcpStream::connect(node.media_address()).await.unwrap();
        let mut buffer = [0; 8];
        if tokio::time::timeout(Duration::from_millis(100), next.read(&mut buffer)).await.is_err() {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "no room was made");
    }
    node.stop().await;
}
