//! A TCP proxy before PostgreSQL that cuts connections in the middle of an append.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Longest piece that is looked at as one; an append of one event is far shorter.
const CHUNK_BYTES: usize = 256 * 1024;

/// Where the next append is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// The server never sees it.
    BeforeRequest,
    /// The server sees half of it.
    InsideRequest,
    /// The server gets it, and the connection is gone at once.
    AfterRequest,
    /// The server has committed and answered; nobody hears the answer.
    BeforeAnswer,
    /// Half of the server's answer arrives.
    InsideAnswer,
}

impl Cut {
    pub(crate) const ALL: [Cut; 5] =
        [Cut::BeforeRequest, Cut::InsideRequest, Cut::AfterRequest, Cut::BeforeAnswer, Cut::InsideAnswer];
}

struct Control {
    armed: Mutex<Option<Cut>>,
    cuts: AtomicUsize,
    /// Changes when every connection is to be cut.
    all: watch::Sender<u64>,
}

/// See the module's words.
pub(crate) struct Proxy {
    port: u16,
    control: Arc<Control>,
}

impl Proxy {
    /// Listens on a free port for connections to `server_port`.
    pub(crate) async fn start(server_port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let control =
            Arc::new(Control { armed: Mutex::new(None), cuts: AtomicUsize::new(0), all: watch::Sender::new(0) });
        tokio::spawn({
            let control = control.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(serve(client, server_port, control.clone()));
                }
            }
        });
        Self { port, control }
    }

    /// The database's URL through this proxy.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Cuts the connection of the next append.
    pub(crate) fn arm(&self, cut: Cut) {
        *self.control.armed.lock().unwrap() = Some(cut);
    }

    /// How many appends have been cut.
    pub(crate) fn cuts(&self) -> usize {
        self.control.cuts.load(Ordering::Relaxed)
    }

    /// Cuts every connection there is.
    pub(crate) fn cut_all(&self) {
        self.control.all.send_modify(|generation| *generation += 1);
    }
}

impl Control {
    fn take(&self) -> Option<Cut> {
        let cut = self.armed.lock().unwrap().take();
        if cut.is_some() {
            self.cuts.fetch_add(1, Ordering::Relaxed);
        }
        cut
    }
}

async fn serve(mut client: TcpStream, server_port: u16, control: Arc<Control>) {
    let mut all = control.all.subscribe();
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server_port)).await else { return };
    let (mut up, mut down) = (vec![0u8; CHUNK_BYTES], vec![0u8; CHUNK_BYTES]);
    let mut appends = false;
    let mut pending: Option<Cut> = None;
    loop {
        // Returning drops both sockets: that is the cut.
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(bytes @ 1..) = read else { return };
                let chunk = &up[..bytes];
                appends |= chunk.windows(10).any(|window| window == b"log_append");
                // Once prepared, the call itself begins with a Bind message.
                if appends && chunk[0] == b'B' {
                    pending = control.take();
                }
                let forwarded = match pending {
                    Some(Cut::BeforeRequest) => return,
                    Some(Cut::InsideRequest) => &chunk[..bytes / 2],
                    _ => chunk,
                };
                if server.write_all(forwarded).await.is_err() {
                    return;
                }
                if matches!(pending, Some(Cut::InsideRequest | Cut::AfterRequest)) {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(bytes @ 1..) = read else { return };
                match pending {
                    Some(Cut::BeforeAnswer) => return,
                    Some(Cut::InsideAnswer) => {
                        let _ = client.write_all(&down[..bytes / 2]).await;
                        return;
                    }
                    _ => {}
                }
                if client.write_all(&down[..bytes]).await.is_err() {
                    return;
                }
            }
            _ = all.changed() => return,
        }
    }
}
