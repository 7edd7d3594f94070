use super::support::{directory, json_lines, one_sentence, refusal, succeed, text, wac};

#[test]
fn every_source_beats_the_one_below_and_is_named() {
    let directory = directory();
    std::fs::write(directory.path().join("10-base.toml"), "[http]\nport = 9001\n").unwrap();
    std::fs::write(directory.path().join("20-site.toml"), "\n\nhttp.port = 9002\n").unwrap();
    let config = text(directory.path());

    let explained = succeed(&["config", "explain", "http.port"]);
    assert!(explained.starts_with("http.port = 8000\n  from       default\n"), "{explained}");
    let explained = succeed(&["config", "explain", "http.port", "--config", config]);
    assert!(explained.contains("http.port = 9002") && explained.contains("20-site.toml:3"), "{explained}");
    assert!(explained.contains("overrides  9001 from ") && explained.contains("10-base.toml:2"), "{explained}");

    let with_variable = |more: &[&str]| {
        let mut command = wac();
        command.env("WAC_HTTP__PORT", "9003").args([
            "config",
            "explain",
            "http.port",
            "-o",
            "json",
            "--config",
            config,
        ]);
        let output = command.args(more).output().unwrap();
        json_lines(&String::from_utf8(output.stdout).unwrap()).remove(0)
    };
    let explained = with_variable(&[]);
    assert_eq!(
        (&explained["value"], &explained["source"]),
        (&9003.into(), &"environment variable WAC_HTTP__PORT".into())
    );
    let explained = with_variable(&["--set", "http.port=9004"]);
    assert_eq!((&explained["value"], &explained["source"]), (&9004.into(), &"command line --set".into()));
    assert_eq!(explained["overrides"].as_array().unwrap().len(), 4);
}

#[test]
fn secrets_are_never_shown() {
    let output =
        wac().args(["config", "print"]).env("WAC_DATABASE_URL", "postgres://wac:hunter2@db/wac").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("environment variable WAC_DATABASE_URL"), "{printed}");
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[test]
fn unknown_keys_are_refused_with_a_suggestion_wherever_they_stand() {
    let directory = directory();
    std::fs::write(directory.path().join("wac.toml"), "[relay]\npersonal_fields = \"omitted\"\n").unwrap();
    let refused = refusal(&["config", "check", "--config", text(directory.path())]);
    assert!(refused.contains("wac.toml:2") && refused.contains("did you mean relay.personalFields?"), "{refused}");
    let refused = refusal(&["config", "explain", "http.prot"]);
    assert!(refused.contains("did you mean http.port?"), "{refused}");
    let output = wac().args(["config", "check"]).env("WAC_HTTP_PORT", "80").output().unwrap();
    assert!(one_sentence(output).contains("did you mean WAC_HTTP__PORT?"));
}

#[test]
fn a_valid_configuration_is_said_to_be_valid() {
    let directory = directory();
    let file = directory.path().join("wac.toml");
    std::fs::write(&file, "roles = [\"api\"]\n[kafka.client]\n\"security.protocol\" = \"SSL\"\n").unwrap();
    let checked = succeed(&["config", "check", "--config", text(&file)]);
    assert!(checked.starts_with("The configuration is valid; 2 of"), "{checked}");
}
