//! The web phone's page, and the code that opens two of them.

use crate::harness::World;

/// Who the code logs in.
const PEOPLE: [&str; 2] = ["alice@demo", "nobody@demo"];

#[tokio::test]
async fn the_phone_is_a_page_with_a_script_that_may_use_camera_and_microphone() {
    let world = World::start().await;
    let plain = async |path: &str| world.with_headers("GET", path, None, None, &[]).await;
    let page = plain("/phone").await.expect(200);
    assert!(page.header("content-security-policy").contains("script-src 'self';"), "{page:?}");
    assert!(page.header("permissions-policy").contains("camera=(self)"), "{page:?}");
    for name in ["phone.js", "phone.css"] {
        let reference = page.text.split('"').find(|part| part.starts_with(&format!("/phone/assets/{name}?v=")));
        let asset = plain(reference.expect("the page names it")).await.expect(200);
        assert!(asset.text.len() > 1_000, "{name} is empty: run `npm run build` in web/");
        assert!(asset.header("cache-control").contains("immutable"));
    }
    plain("/phone/assets/other.js").await.expect(404);
}

#[tokio::test]
async fn a_code_opens_two_phones_once() {
    let pairing = wac_api::Pairing::new("a-code".to_owned(), PEOPLE.map(str::to_owned));
    let world = World::with(|config| config.pairing = Some(pairing)).await;
    world.with_headers("GET", "/phone/pair", None, None, &[]).await.expect(200);
    let post = async |body: &str| world.with_headers("POST", "/phone/pair", None, Some(body), &[]).await;
    post(r#"{"code":"another"}"#).await.expect(400);
    let answer = post(r#"{"code":"a-code"}"#).await.expect(200).json();
    assert_eq!(answer["people"].as_array().map(Vec::len), Some(1), "whoever is not there is left out: {answer}");
    assert_eq!(answer["people"][0]["username"], "alice@demo");
    let token = answer["people"][0]["access_token"].as_str().expect("a token");
    world.get("/sapi/contacts", token).await.expect(200);
    post(r#"{"code":"a-code"}"#).await.expect(400);
}

#[tokio::test]
async fn without_a_code_nothing_is_paired() {
    let world = World::start().await;
    world.with_headers("POST", "/phone/pair", None, Some(r#"{"code":"a-code"}"#), &[]).await.expect(404);
}
