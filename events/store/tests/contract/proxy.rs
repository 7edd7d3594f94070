//! A TCP proxy in front of PostgreSQL that cuts connections at chosen moments.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::harness::admin_url;

#[derive(Default)]
struct Switches {
    /// Takes no new connections.
    down: AtomicBool,
    /// Cuts the connection on which the next append is sent, once it has been forwarded.
    cut_after_append: AtomicBool,
    /// And goes down with that cut.
    down_after_cut: AtomicBool,
    /// Cuts it before it is forwarded.
    cut_before_append: AtomicBool,
    cuts: AtomicU64,
}

pub(crate) struct Proxy {
    switches: Arc<Switches>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let switches = Arc::new(Switches::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = server_address();
        let accepting = tokio::spawn({
            let switches = switches.clone();
            async move {
                loop {
                    let (client, _) = listener.accept().await.unwrap();
                    if switches.down.load(Ordering::SeqCst) {
                        continue;
                    }
                    tokio::spawn(forward(client, server.clone(), switches.clone()));
                }
            }
        });
        Self { switches, address, accepting }
    }

    /// `url` with this proxy in the server's place.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replace(&server_address(), &self.address.to_string())
    }

    /// From now on nothing answers and whatever is open is cut; or everything is well again.
    pub(crate) fn set_down(&self, down: bool) {
        self.switches.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn cut_after_next_append(&self) {
        self.switches.cut_after_append.store(true, Ordering::SeqCst);
    }

    /// Nothing answers from the cut on, so that nobody can look up what became of the append.
    pub(crate) fn go_down_after_next_append(&self) {
        self.switches.down_after_cut.store(true, Ordering::SeqCst);
        self.cut_after_next_append();
    }

    pub(crate) fn cut_before_next_append(&self) {
        self.switches.cut_before_append.store(true, Ordering::SeqCst);
    }

    pub(crate) fn cuts(&self) -> u64 {
        self.switches.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn server_address() -> String {
    let (server, _) = admin_url();
    server.rsplit_once(['@', '/']).expect("an authority follows").1.to_owned()
}

async fn forward(mut client: TcpStream, server: String, switches: Arc<Switches>) {
    let mut upstream = TcpStream::connect(server).await.unwrap();
    let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(5));
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => match read {
                Ok(1..) => {
                    let bytes = &from_client[..read.unwrap()];
                    let appends = contains(bytes, b"proxied-append");
                    if appends && switches.cut_before_append.swap(false, Ordering::SeqCst) {
                        switches.cuts.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    if upstream.write_all(bytes).await.is_err() {
                        return;
                    }
                    if appends && switches.cut_after_append.swap(false, Ordering::SeqCst) {
                        if switches.down_after_cut.swap(false, Ordering::SeqCst) {
                            switches.down.store(true, Ordering::SeqCst);
                        }
                        switches.cuts.fetch_add(1, Ordering::SeqCst);
                        drop(client);
                        // The server finishes what it was sent; its answer goes nowhere.
                        let _ = upstream.read(&mut from_server).await;
                        return;
                    }
                }
                _ => return,
            },
            read = upstream.read(&mut from_server) => match read {
                Ok(count @ 1..) => if client.write_all(&from_server[..count]).await.is_err() { return },
                _ => return,
            },
            _ = tick.tick() => if switches.down.load(Ordering::SeqCst) { return },
        }
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
