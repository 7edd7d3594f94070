//! Generated requests against the OpenAPI document.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use crate::harness::World;

/// Runs the pinned schemathesis, or the program that `SCHEMATHESIS` names; `SCHEMATHESIS_EXAMPLES` asks
/// for more than a test's worth of requests for each operation.
#[tokio::test(flavor = "multi_thread")]
async fn generated_requests_get_documented_answers_only() {
    let world = World::start().await;
    let token = world.login("admin").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let service = world.app.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis.sh");
    let run = tokio::process::Command::new(script)
        .env("SCHEMATHESIS", program())
        .env("SCHEMATHESIS_EXAMPLES", std::env::var("SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| "15".to_owned()))
        .args([format!("http://{address}"), token, "--no-color".to_owned()])
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the script runs");
    let text = String::from_utf8_lossy(&run.stdout);
    println!("{text}");
    assert!(run.status.success(), "{text}\n{}", String::from_utf8_lossy(&run.stderr));
}

fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("SCHEMATHESIS") {
        return program.into();
    }
    let python = xtask::python::for_tests().expect("the tests' Python packages can be installed");
    python.with_file_name("schemathesis")
}
