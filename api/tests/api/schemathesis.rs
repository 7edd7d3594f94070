//! Generated requests against the OpenAPI document.

use std::net::SocketAddr;
use std::process::Stdio;

use crate::harness::World;

/// Needs the program `schemathesis` (or the one `SCHEMATHESIS` names).
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs schemathesis"]
async fn generated_requests_get_documented_answers_only() {
    let world = World::start().await;
    let token = world.login("admin").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let service = world.app.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis.sh");
    let run = tokio::process::Command::new(script)
        .args([format!("http://{address}"), token, "--no-color".to_owned()])
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the script runs");
    let text = String::from_utf8_lossy(&run.stdout);
    println!("{text}");
    assert!(run.status.success(), "{text}\n{}", String::from_utf8_lossy(&run.stderr));
}
