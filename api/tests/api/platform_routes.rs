//! Health, metrics and pages.

use crate::harness::World;

#[tokio::test]
async fn health_and_metrics_are_there_without_a_token() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    world.get("/sapi/users", &admin).await.expect(200);
    let plain = |path: &'static str| world.with_headers("GET", path, None, None, &[]);
    assert_eq!(plain("/livez").await.expect(200).json()["status"], "ok");
    assert_eq!(plain("/readyz").await.expect(200).json()["status"], "ok");
    let metrics = plain("/metrics").await.expect(200).text;
    assert!(
        metrics.contains(r#"wac_http_requests_total{route="/sapi/users",method="GET",status="200"} 1"#),
        "{metrics}"
    );
    assert!(metrics.contains(r#"wac_commands_total{command="issue_token",outcome="appended"} 1"#));
}

#[tokio::test]
async fn every_problem_has_its_page() {
    let world = World::start().await;
    for kind in wac_api::problem::CATALOGUE {
        let page =
            world.with_headers("GET", &format!("/docs/problems/{}", kind.code), None, None, &[]).await.expect(200);
        assert!(page.text.contains(kind.title));
    }
    world.with_headers("GET", "/docs/problems/unheard_of", None, None, &[]).await.expect(404);
    let page = world.with_headers("GET", "/docs/api/", None, None, &[]).await.expect(200);
    assert!(page.text.contains("swagger-ui"), "{page:?}");
}
